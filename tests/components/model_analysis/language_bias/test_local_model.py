"""How likely a text is: the same as by hand, from folders that hold what they must and nothing that runs."""

import json

import numpy as np
import pytest
import torch

from components.model_analysis.language_bias.hugging_face_folder import is_hugging_face_folder
from components.model_analysis.language_bias.local_model import LocalLanguageModel, ScoredText
from tests.components.model_analysis.language_bias.small_language_models import save_model

TEXTS = ["women are kind.", "old men are rude.", "people in red are very kind."]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language-models")
    return {kind: (folder / kind, save_model(folder / kind, kind, TEXTS).eval()) for kind in ("causal", "masked")}


def by_hand(model, tokenizer, text: str, start: int, kind: str) -> float:
    encoded = tokenizer(text, return_offsets_mapping=True)
    ids, total = encoded["input_ids"], 0.0
    for place, (begin, _) in enumerate(encoded["offset_mapping"]):
        if begin >= start and (place or kind == "masked"):
            shown = ids[:place] if kind == "causal" else [*ids[:place], tokenizer.mask_token_id, *ids[place + 1 :]]
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([shown])).logits[0]
            at = place - 1 if kind == "causal" else place
            total += float(torch.log_softmax(logits[at].double(), -1)[ids[place]])
    return total


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_the_likelihood_is_that_of_the_tokens_after_the_term_whatever_is_in_the_batch(folders, kind):
    import transformers

    folder, network = folders[kind]
    model = LocalLanguageModel(folder, device=CPU)
    assert model.kind == kind
    assert is_hugging_face_folder(folder)
    asked = [ScoredText(text=text, start=text.index(" are"), end=len(text)) for text in TEXTS]
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    expected = [by_hand(network, tokenizer, one.text, one.start, kind) for one in asked]
    assert model.log_likelihoods(asked) == pytest.approx(expected, abs=1e-4)


def test_nothing_to_score_is_undefined(folders):
    model = LocalLanguageModel(folders["causal"][0], device=CPU)
    found = model.log_likelihoods([ScoredText(text="women are kind.", start=15, end=15)])
    assert np.isnan(found).all()


def copied(folder, target, *, without=(), config=None):
    target.mkdir()
    for file in folder.iterdir():
        if file.name not in without:
            (target / file.name).write_bytes(file.read_bytes())
    if config is not None:
        content = json.loads((target / "config.json").read_text())
        (target / "config.json").write_text(json.dumps({**content, **config}))
    return target


def test_pickled_weights_are_not_read(folders, tmp_path):
    target = copied(folders["causal"][0], tmp_path / "pickled", without=["model.safetensors"])
    torch.save({"weight": torch.zeros(1)}, target / "pytorch_model.bin")
    with pytest.raises(FileNotFoundError, match="pickled weights can run code"):
        LocalLanguageModel(target, device=CPU)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json"])
def test_a_folder_must_hold_all_of_a_model(folders, tmp_path, missing):
    target = copied(folders["causal"][0], tmp_path / "partial", without=[missing])
    with pytest.raises(FileNotFoundError, match=missing):
        LocalLanguageModel(target, device=CPU)


def test_an_adapter_is_refused(folders, tmp_path):
    target = copied(folders["causal"][0], tmp_path / "adapted")
    (target / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match="merge it"):
        LocalLanguageModel(target, device=CPU)


def test_code_that_a_config_names_is_not_run(folders, tmp_path):
    named = {"auto_map": {"AutoModelForCausalLM": "evil.Evil"}, "attn_implementation": "someone/kernel"}
    target = copied(folders["causal"][0], tmp_path / "named", config=named)
    (target / "evil.py").write_text("raise SystemExit('this ran')")
    assert LocalLanguageModel(target, device=CPU).kind == "causal"
    unknown = copied(folders["causal"][0], tmp_path / "unknown", config={**named, "model_type": "evil"})
    with pytest.raises(ValueError, match="no code of its own"):
        LocalLanguageModel(unknown, device=CPU)


def test_an_encoder_without_its_head_is_refused(folders, tmp_path):
    import transformers

    target = copied(folders["masked"][0], tmp_path / "headless", without=["model.safetensors"])
    transformers.BertModel(folders["masked"][1].config).save_pretrained(target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps({**config, "architectures": ["BertForMaskedLM"]}))
    with pytest.raises(ValueError, match="save it with its head"):
        LocalLanguageModel(target, device=CPU)
    (target / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    with pytest.raises(ValueError, match="causal or masked"):
        LocalLanguageModel(target, device=CPU)
