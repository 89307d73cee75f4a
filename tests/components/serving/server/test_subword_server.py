"""Bundles with a tokenizer are served from their own files alone: a Hugging Face model, and fitted subwords."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest

from components.modeling.backbone_config import BackboneConfig
from components.modeling.predictor import load_predictor
from components.modeling.text.fitted_subwords import fit_subwords
from components.modeling.text.hugging_face_backbones import subword_backbone_config
from components.modeling.text.hugging_face_features import subword_features
from components.shared.served_model.child_server import MODEL_NAME, running_server

TEXTS = ["정말 좋은 영화", "", "never heard of 🐈", "좋은 " * 300, "영화"]


@pytest.fixture(scope="module")
def hugging_face_bundle(tmp_path_factory, write_random_bundle):
    """A tiny BERT whose own folder is gone."""
    from tokenizers import models, pre_tokenizers, processors, Tokenizer
    from transformers import BertConfig, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "정말", "좋은", "영화"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder = tmp_path_factory.mktemp("hub") / "tiny-bert"
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(folder)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    BertConfig(vocab_size=len(words), **sizes).save_pretrained(folder)
    features, config = subword_features(f"hf:{folder}"), subword_backbone_config(f"hf:{folder}")
    path = write_random_bundle(tmp_path_factory.mktemp("subwords") / "model", features, config)
    shutil.rmtree(folder)
    return path


@pytest.fixture(scope="module")
def fitted_bundle(tmp_path_factory, write_random_bundle):
    """A bag of subwords that a few texts gave."""
    features = fit_subwords([pa.array(TEXTS * 3)])
    return write_random_bundle(tmp_path_factory.mktemp("fitted") / "model", features, BackboneConfig(name="subwords"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hugging_face_bundle", "fitted_bundle"])
def test_a_model_with_a_tokenizer_is_served_without_a_hub(request, kind, send, monkeypatch):
    bundle = request.getfixturevalue(kind)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    predictor = load_predictor(bundle, device="cpu")
    wanted = predictor.predict(predictor.prepare({"text": pa.array(TEXTS)})).probabilities_BK

    with running_server(bundle, ready_timeout_s=180) as server:
        together = send(server, f"/v1/models/{MODEL_NAME}:predict", json.dumps({"instances": TEXTS}))
        alone = [send(server, f"/v1/models/{MODEL_NAME}:predict", json.dumps({"instances": [text]})) for text in TEXTS]

    for status, content, _ in [together, *alone]:
        assert status == 200, content
    found = [item for _, content, _ in [together, *alone] for item in json.loads(content)["predictions"]]
    probabilities = np.array([list(item["probabilities"].values()) for item in found]).reshape(2, len(TEXTS), 3)
    assert np.abs(probabilities - wanted).max() < 1e-6
    assert len(np.unique(wanted.round(5), axis=0)) == len(TEXTS)
