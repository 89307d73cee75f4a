"""Subwords that are fitted to training texts: which ones there are, that they are the same anywhere, and their bag."""

import json
import os
from pathlib import Path
import subprocess
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.features import features_from
from components.modeling.predictor import load_predictor, weights_of
from components.modeling.text.char_ngrams import TextFeatures
from components.modeling.text.fitted_subwords import fit_subwords, FittedSubwords
from components.modeling.text.hugging_face_features import opened_tokenizer
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.feature_store.blocks import input_array
from components.shared.runtime.errors import ContractError

ROOT = Path(__file__).parents[4]
CONFIG = BackboneConfig(name="subwords")
WORDS = {
    0: ["재미없다", "지루했어요", "최악이다", "boring", "dreadful"],
    1: ["재미있다", "감동했어요", "최고였다", "wonderful", "touching"],
}
FILLERS = ["영화를 봤는데", "the film was", "배우들 연기가", "I saw it and", "이야기 전개가"]


def labelled_texts(num_texts, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, num_texts)
    texts = [f"{rng.choice(FILLERS)} {rng.choice(WORDS[label])} {rng.integers(100)}" for label in labels]
    return texts, labels


TEXTS, LABELS = labelled_texts(300)


def columns(texts):
    return {"text": pa.array(texts, pa.string())}


@pytest.fixture(scope="module")
def features():
    return fit_subwords([pa.array(TEXTS)])


def subwords_of(features, text):
    """The cuts of a normalised text, decoded where they are whole characters."""
    encoded = opened_tokenizer(features.tokenizer).encode(f" {text} ").offsets
    return [f" {text} "[start:end] for start, end in encoded]


def tokens_of(features, text):
    tokens = features.prepare(columns([text]))["tokens"][0].tolist()
    first_pair = features.num_buckets - features.num_pair_buckets
    return [token for token in tokens if token <= first_pair], [token for token in tokens if token > first_pair]


def classifier(features):
    torch.manual_seed(0)
    return build_classifier(CONFIG, features, num_classes=2, load_pretrained=False)


def tensors(features, texts):
    inputs = features.prepare(columns(texts))
    return features.tensors({name: torch.from_numpy(value) for name, value in inputs.items()})


@pytest.mark.parametrize("word", ["재미있다", "boring"])
def test_a_word_that_training_repeats_is_one_subword_in_korean_and_in_english(features, word):
    assert subwords_of(features, word) == [f" {word}", " "]


def test_a_word_that_training_never_saw_shares_the_part_that_it_did_see(features):
    assert subwords_of(features, "재미있는데요")[0] == " 재미있"


def test_a_text_has_its_subwords_and_the_pairs_of_neighbours(features):
    # Four subwords: three words and the space behind them.
    subwords, pairs = tokens_of(features, "영화를 봤는데 boring")
    assert (len(subwords), len(pairs)) == (4, 3)
    other_subwords, other_pairs = tokens_of(features, "boring 봤는데 영화를")
    assert other_subwords == subwords
    assert set(other_pairs).isdisjoint(pairs)


def test_a_pair_is_hashed_to_the_same_bucket_on_every_machine():
    bytes_alone = fit_subwords([pa.array(["a"])])  # nothing is there twice: every byte is a subword
    assert bytes_alone.num_buckets == 256 + (1 << 16)
    subwords, pairs = tokens_of(bytes_alone, "ab")
    assert subwords == [65, 66, 221]
    assert pairs == [12964, 32822, 46159]


def test_a_subword_that_is_there_three_times_weighs_one_and_the_logarithm_of_three(features):
    weights = features.prepare(columns(["boring boring boring"]))["weights"][0]
    assert sorted(weights.tolist()) == pytest.approx([1, 1, 1 + np.log(2), 1 + np.log(3)])


def test_case_white_space_and_composition_make_no_difference(features):
    one, other = "재미있다 Boring", unicodedata.normalize("NFD", "  재미있다\t\n bORING ")
    assert tokens_of(features, one) == tokens_of(features, other)


def test_any_text_has_tokens_and_the_store_takes_them(features):
    texts = ["", " \n", "🐈‍⬛", "null\0byte", "한자漢字", "x" * 50_000]
    inputs = features.prepare(columns(texts))
    for name, spec in features.input_specs.items():
        rows = input_array(inputs[name], spec, name=name).to_pylist()
        assert [len(row) for row in rows] == (inputs["tokens"] > 0).sum(axis=1).tolist()
        assert all(row and min(row) > 0 for row in rows)
    assert inputs["tokens"].max() <= features.num_buckets
    assert inputs["tokens"].dtype == np.int32


def test_no_texts_are_no_rows(features):
    assert features.prepare(columns([]))["tokens"].shape == (0, 0)


def test_a_texts_tokens_do_not_depend_on_its_neighbours(features):
    together = features.prepare(columns(TEXTS))
    for place in (0, 255, 256, 299):
        alone = features.prepare(columns([TEXTS[place]]))
        for name in ("tokens", "weights"):
            padded = together[name][place]
            assert padded[padded > 0].tolist() == alone[name][0].tolist()


@pytest.mark.slow
def test_the_same_texts_give_the_same_tokenizer_in_another_process_on_other_cores(features, tmp_path):
    (tmp_path / "texts.json").write_text(json.dumps(TEXTS))
    program = (
        "import json, pathlib, pyarrow as pa; from components.modeling.text.fitted_subwords import fit_subwords; "
        f"texts = json.loads(pathlib.Path({str(tmp_path / 'texts.json')!r}).read_text()); "
        "print(fit_subwords([pa.array(texts[:7]), pa.array(texts[7:])]).tokenizer)"
    )
    environment = {**os.environ, "RAYON_NUM_THREADS": "4", "TOKENIZERS_PARALLELISM": "true"}
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.rstrip("\n") == features.tokenizer


def test_many_texts_are_sampled_the_same_wherever_batches_end():
    whole = fit_subwords([pa.array(TEXTS)], max_texts=40)
    assert fit_subwords([pa.array(TEXTS[start : start + 9]) for start in range(0, 300, 9)], max_texts=40) == whole
    assert fit_subwords([pa.array(TEXTS)], max_texts=40, seed=1) != whole
    assert fit_subwords([pa.array(TEXTS[:40])]) != whole


def test_more_text_gives_more_subwords():
    syllables = np.random.default_rng(0).integers(0xAC00, 0xAC00 + 1000, (9000, 2))
    texts = [" ".join(chr(first) + chr(second) for first, second in syllables[start::60]) for start in range(60)]
    sizes = [fit_subwords([pa.array(texts * number)]).num_buckets - (1 << 16) for number in (1, 15)]
    assert sizes == [1024, 15 * sum(len(text) + 2 for text in texts) // 200]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "at least one training row, got none"),
        (["", "  ", "\n"], "training texts with words in them, but all of 3 are empty: check which column"),
        (["a", None], "a text in every row, but row 2 has none"),
    ],
)
def test_there_must_be_words_to_fit_to(texts, message):
    with pytest.raises(ValueError, match=message):
        fit_subwords([pa.array(texts, pa.string())])


def test_settings_that_are_none_are_refused(features, tmp_path):
    written(features, tmp_path)
    for change, message in [
        ({"num_pair_buckets": 0}, "num_pair_buckets must be a whole number of 1 or more, got 0"),
        ({"max_characters": 2.0}, "max_characters must be a whole number of 1 or more, got 2.0"),
        ({"num_pair_buckets": 1 << 23}, "together must be at most 4194304"),
        ({"vocabulary": 7}, "must have num_pair_buckets, max_characters and a tokenizer"),
    ]:
        with pytest.raises(ContractError, match=message):
            features_from("text", {**features.to_dict(), **change}, tmp_path)


def written(features, folder):
    (folder / "features").mkdir(exist_ok=True)
    for name, content in features.files().items():
        (folder / "features" / name).write_bytes(content)


def test_features_come_back_from_their_settings_and_file(features, tmp_path):
    written(features, tmp_path)
    assert features_from("text", features.to_dict(), tmp_path) == features


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe", b'{"version": "1.0", "model": {"type": "BPE"'])
def test_a_tokenizer_that_is_missing_or_none_is_refused(features, tmp_path, content):
    written(features, tmp_path)
    file = tmp_path / "features" / "tokenizer.json"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(ContractError, match=r"fitted subwords at .* must have .* and a tokenizer"):
        features_from("text", features.to_dict(), tmp_path)


def test_words_that_decide_are_learnt_in_korean_and_in_english(features):
    network = classifier(features)
    inputs = tensors(features, TEXTS)
    network.adapt([inputs])
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        functional.cross_entropy(network(*inputs), torch.from_numpy(LABELS)).backward()
        optimizer.step()
    texts, labels = labelled_texts(200, seed=1)
    right = network.eval()(*tensors(features, texts)).argmax(dim=1).numpy() == labels
    assert right.mean() > 0.95


@pytest.fixture
def bundle(features, tmp_path):
    network = classifier(features)
    network.adapt([tensors(features, TEXTS)])
    with torch.no_grad():
        network.backbone.vectors.weight.mul_(50)
    config = BundleConfig(
        task="text_classification",
        class_names=("no", "yes"),
        backbone=CONFIG.to_dict(),
        preprocessing=features.to_dict(),
    )
    files = {f"features/{name}": content for name, content in features.files().items()}
    write_bundle(tmp_path / "bundle", config, weights_of(network), files=files)
    return network.eval(), tmp_path / "bundle"


def test_a_bundle_gives_the_probabilities_that_training_gave(features, bundle):
    network, path = bundle
    texts = ["", *TEXTS[:20], "전혀 새로운 말 entirely new words 🐈"]
    with torch.inference_mode():
        wanted = network(*tensors(features, texts)).softmax(dim=1).numpy()
    predictor = load_predictor(path, device="cpu")
    found = predictor.predict(predictor.prepare(columns(texts))).probabilities_BK
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert np.ptp(wanted[:, 0]) > 0.05


def test_a_bundle_whose_tokenizer_was_changed_is_refused(bundle):
    file = bundle[1] / "features" / "tokenizer.json"
    file.write_text(file.read_text().replace("재", "제").replace('"a"', '"b"', 1))
    with pytest.raises(ContractError, match=r"tokenizer\.json"):
        load_predictor(bundle[1], device="cpu")


def test_published_weights_and_other_features_are_refused(features):
    with pytest.raises(ContractError, match="subwords has no published weights"):
        build_classifier(
            BackboneConfig(name="subwords", pretrained=True), features, num_classes=2, load_pretrained=True
        )
    with pytest.raises(ContractError, match="subwords must have features of fitted subwords, got TextFeatures"):
        build_classifier(CONFIG, TextFeatures(), num_classes=2, load_pretrained=False)
    with pytest.raises(ContractError, match="char_ngrams must have features of character n-grams, got FittedSubwords"):
        build_classifier(BackboneConfig(name="char_ngrams"), features, num_classes=2, load_pretrained=False)


def test_settings_do_not_print_the_tokenizer(features):
    assert len(repr(features)) < 200
    assert isinstance(features, FittedSubwords)
