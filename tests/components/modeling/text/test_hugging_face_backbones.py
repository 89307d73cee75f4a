"""A Hugging Face backbone from a folder: features, network, and a bundle that needs neither hub nor folder."""

from dataclasses import replace
import shutil

import numpy as np
import pyarrow as pa
import pytest
import torch

from components.modeling.classifier import build_classifier
from components.modeling.features import features_from
from components.modeling.predictor import load_predictor, weights_of
from components.modeling.text.char_ngrams import TextFeatures
from components.modeling.text.hugging_face_backbones import subword_backbone_config
from components.modeling.text.hugging_face_features import subword_features
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.runtime.errors import ContractError

TEXTS = ["정말 좋은 영화", "별로예요", "a good film", "", "좋은 좋은 좋은 영화 good good"]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A tiny BERT with random weights and a tokenizer of whole words."""
    from tokenizers import models, pre_tokenizers, processors, Tokenizer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "정말", "좋은", "영화", "별로예요", "a", "good", "film"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder = tmp_path_factory.mktemp("hub") / "tiny-bert"
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", model_max_length=16
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    BertModel(config).save_pretrained(folder, safe_serialization=True)
    return folder


def columns(texts):
    return {"text": pa.array(texts, pa.string())}


def test_texts_become_the_tokenizers_subwords_and_a_mask(model_folder):
    features = subword_features(f"hf:{model_folder}")
    inputs = features.prepare(columns(["정말 좋은 영화", "good unheard"]))
    assert inputs["tokens"].tolist() == [[3, 5, 6, 7, 4], [3, 10, 2, 4, 0]]
    tokens, mask = features.tensors({"tokens": torch.from_numpy(inputs["tokens"])})
    assert tokens.tolist() == [[2, 4, 5, 6, 3], [2, 9, 1, 3, 0]]
    assert mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]


def test_texts_without_a_single_subword_have_an_embedding(model_folder):
    features = subword_features(f"hf:{model_folder}")
    nothing = {"tokens": torch.zeros((2, 0), dtype=torch.int32)}
    classifier = build_classifier(
        subword_backbone_config(f"hf:{model_folder}"), features, num_classes=2, load_pretrained=True
    )
    assert torch.isfinite(classifier(*features.tensors(nothing))).all()


def test_a_long_text_is_cut(model_folder):
    features = subword_features(f"hf:{model_folder}")
    inputs = features.prepare(columns(["good " * 100, ""]))
    assert inputs["tokens"].shape == (2, 16)
    assert (inputs["tokens"][1] != 0).sum() == 2


def test_a_missing_text_is_refused(model_folder):
    with pytest.raises(ValueError, match="but row 2 has none"):
        subword_features(f"hf:{model_folder}").prepare(columns(["good", None]))


def test_published_weights_are_loaded_and_a_bundle_needs_no_folder(model_folder, tmp_path):
    from transformers import AutoModel

    moved = tmp_path / "moved"
    shutil.copytree(model_folder, moved)
    features, config = subword_features(f"hf:{moved}"), subword_backbone_config(f"hf:{moved}")
    classifier = build_classifier(config, features, num_classes=2, load_pretrained=True).eval()
    published = AutoModel.from_pretrained(moved)
    for name, value in published.state_dict().items():
        assert torch.equal(classifier.backbone.network.state_dict()[name], value), name
    bundle = BundleConfig(
        task="text_classification",
        class_names=("no", "yes"),
        backbone=config.to_dict(),
        preprocessing=features.to_dict(),
    )
    files = {f"features/{name}": content for name, content in features.files().items()}
    write_bundle(tmp_path / "bundle", bundle, weights_of(classifier), files=files)
    shutil.rmtree(moved)
    predictor = load_predictor(tmp_path / "bundle", device="cpu")
    together = predictor.predict(predictor.prepare(columns(TEXTS)))
    for place, text in enumerate(TEXTS):
        alone = predictor.predict(predictor.prepare(columns([text])))
        np.testing.assert_allclose(alone.probabilities_BK[0], together.probabilities_BK[place], atol=1e-6)
    assert together.embeddings_BD.shape == (5, 8)


def test_a_name_that_nobody_knows_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match="must be a folder, in the local cache, or at a hub that can be reached"):
        subword_features(f"hf:{tmp_path / 'none'}")
    with pytest.raises(ValueError, match="must be a folder, in the local cache, or at a hub that can be reached"):
        subword_backbone_config(f"hf:{tmp_path / 'none'}")


def test_features_without_their_tokenizer_are_refused(model_folder, tmp_path):
    content = subword_features(f"hf:{model_folder}").to_dict()
    with pytest.raises(ContractError, match="must have max_subwords and a tokenizer"):
        features_from("text", content, tmp_path)
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "tokenizer.json").write_text("{}")
    with pytest.raises(ContractError, match="must be one that tokenizers wrote"):
        features_from("text", content, tmp_path)


def test_an_architecture_names_no_code(model_folder):
    features, config = subword_features(f"hf:{model_folder}"), subword_backbone_config(f"hf:{model_folder}")
    named = {"auto_map": {"AutoModel": "somebody/else--model.Model"}, "_attn_implementation": "somebody/kernel"}
    architecture = {**config.options["architecture"], **named, "attn_implementation": "somebody/kernel"}
    changed = replace(config, options={"architecture": architecture})
    network = build_classifier(changed, features, num_classes=2, load_pretrained=False).backbone.network
    assert type(network).__module__ == "transformers.models.bert.modeling_bert"
    assert network.config._attn_implementation != "somebody/kernel"


@pytest.mark.parametrize(
    "architecture", [None, "bert", {}, {"model_type": "none"}, {"model_type": "bert", "hidden_size": "x"}]
)
def test_an_architecture_that_is_none_is_refused(model_folder, architecture):
    features, config = subword_features(f"hf:{model_folder}"), subword_backbone_config(f"hf:{model_folder}")
    changed = replace(config, options={"architecture": architecture})
    with pytest.raises(ContractError, match="must be one that transformers knows"):
        build_classifier(changed, features, num_classes=2, load_pretrained=False)


def test_a_network_that_knows_fewer_subwords_than_its_tokenizer_has_is_refused(model_folder):
    features, config = subword_features(f"hf:{model_folder}"), subword_backbone_config(f"hf:{model_folder}")
    smaller = replace(config, options={"architecture": {**config.options["architecture"], "vocab_size": 10}})
    with pytest.raises(ContractError, match="it knows 10 of 11"):
        build_classifier(smaller, features, num_classes=2, load_pretrained=False)


def test_a_model_with_a_decoder_is_refused(tmp_path):
    from transformers import T5Config

    T5Config(vocab_size=8).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="must be an encoder alone"):
        subword_backbone_config(f"hf:{tmp_path}")


def test_every_weight_that_is_trained_has_a_gradient(model_folder):
    features, config = subword_features(f"hf:{model_folder}"), subword_backbone_config(f"hf:{model_folder}")
    classifier = build_classifier(config, features, num_classes=2, load_pretrained=True)
    inputs = {name: torch.from_numpy(value) for name, value in features.prepare(columns(TEXTS)).items()}
    classifier(*features.tensors(inputs)).square().sum().backward()
    trained = {name: weight for name, weight in classifier.named_parameters() if weight.requires_grad}
    assert len(trained) > 10
    assert [name for name, weight in trained.items() if weight.grad is None] == []


def test_features_of_another_kind_are_refused(model_folder):
    config = subword_backbone_config(f"hf:{model_folder}")
    with pytest.raises(ContractError, match="must have features of subwords, got TextFeatures"):
        build_classifier(config, TextFeatures(), num_classes=2, load_pretrained=False)
