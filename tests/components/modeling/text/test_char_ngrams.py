"""Texts as n-grams: which ones there are, how they weigh, and that they are the same everywhere."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from components.modeling.features import features_from
from components.modeling.text.char_ngrams import fit_text_features, TextFeatures
from components.shared.feature_store.blocks import input_array
from components.shared.runtime.errors import ContractError

FEATURES = TextFeatures()


def columns(texts):
    return {"text": pa.array(texts, pa.string())}


def ngrams(text, features=FEATURES):
    """Tokens of a text with their weights."""
    inputs = features.prepare(columns([text]))
    return dict(zip(inputs["tokens"][0].tolist(), inputs["weights"][0].tolist(), strict=True))


def num_ngrams(text, **settings):
    return len(ngrams(text, TextFeatures(**settings)))


def test_a_text_has_the_ngrams_of_its_letters_and_the_spaces_around_it():
    # " ab ": 3 of one character, 3 of two, 2 of three, 1 of four.
    assert num_ngrams("ab") == 9
    assert num_ngrams("ab", longest=1) == 3
    assert num_ngrams("ab", smallest=2, longest=3) == 5


def test_ngrams_with_an_east_asian_character_are_shorter():
    # " 가나다라 " has 5 of one character (one space), 5 of two, 4 of three and none of four.
    assert num_ngrams("가나다라") == 5 + 5 + 4
    assert num_ngrams("가나다라", longest_dense=4) == 5 + 5 + 4 + 3
    # " 가abcd ": of four characters " 가ab" and "가abc" have the syllable in them, "abcd" and "bcd " do not.
    assert num_ngrams("가abcd") - num_ngrams("가abcd", longest=3) == 2


def test_hashes_are_the_same_on_every_machine():
    inputs = FEATURES.prepare(columns(["영화", "a"]))
    assert inputs["tokens"].tolist() == [
        [13779, 22800, 29522, 42765, 62068, 67932, 82931, 84897],
        [22800, 61286, 112245, 113681, 128884, 0, 0, 0],
    ]
    assert inputs["tokens"].dtype == np.int32
    assert inputs["weights"].dtype == np.float32


def test_an_ngram_that_is_there_three_times_weighs_one_and_the_logarithm_of_three():
    weights = sorted(ngrams("aba", TextFeatures(longest=1)).values())
    # Two spaces and two a, one b.
    np.testing.assert_allclose(weights, [1, 1 + np.log(2), 1 + np.log(2)], rtol=1e-6)
    assert max(ngrams("aaa", TextFeatures(longest=1)).values()) == pytest.approx(1 + np.log(3))


@pytest.mark.parametrize(
    ("one", "other"),
    [("Good FILM", "good film"), ("good \t\n  film ", "good film"), ("café", "cafe\u0301"), ("STRASSE", "straße")],
)
def test_case_white_space_and_composition_make_no_difference(one, other):
    assert ngrams(one) == ngrams(other)


def test_jamo_stay_the_letters_that_they_are_written_as():
    assert set(ngrams("ㅋㅠ")).isdisjoint(set(ngrams("큐")) - set(ngrams("")))


def test_an_empty_text_is_told_from_others_and_padded_beside_them():
    inputs = FEATURES.prepare(columns(["", " \n ", "a"]))
    assert inputs["tokens"].shape == (3, 5)
    assert (inputs["tokens"] > 0).sum(axis=1).tolist() == [2, 2, 5]
    assert inputs["tokens"][0].tolist() == inputs["tokens"][1].tolist()
    assert not set(ngrams("")) <= set(ngrams("a"))


def test_padding_is_at_the_end_alone_and_the_store_takes_it():
    inputs = FEATURES.prepare(columns(["짧다", "this one is longer", ""]))
    for name, spec in FEATURES.input_specs.items():
        rows = input_array(inputs[name], spec, name=name).to_pylist()
        assert [len(row) for row in rows] == (inputs["tokens"] > 0).sum(axis=1).tolist()
        assert all(value > 0 for row in rows for value in row)
    assert ((inputs["tokens"] > 0) == (inputs["weights"] > 0)).all()


def test_a_texts_ngrams_do_not_depend_on_its_neighbours():
    texts = [f"comment {number} 댓글 {'x' * (number % 7)}" for number in range(700)]
    together = FEATURES.prepare(columns(texts))
    for place in (0, 255, 256, 699):
        alone = FEATURES.prepare(columns([texts[place]]))
        for name in ("tokens", "weights"):
            padded = together[name][place]
            assert padded[padded > 0].tolist() == alone[name][0].tolist()


def test_what_follows_the_first_characters_is_not_read():
    assert ngrams("abcdef", TextFeatures(max_characters=3)) == ngrams("abc")


def test_no_texts_are_no_rows():
    inputs = FEATURES.prepare(columns([]))
    assert inputs["tokens"].shape == inputs["weights"].shape == (0, 0)


def test_buckets_are_from_one_to_their_number():
    inputs = TextFeatures(num_buckets=4).prepare(columns(["many different letters in a text"]))
    assert inputs["tokens"].tolist() == [[1, 2, 3, 4]]


def test_tensors_are_tokens_and_weights():
    inputs = FEATURES.prepare(columns(["좋다", "good"]))
    tokens, weights = FEATURES.tensors({name: torch.from_numpy(value) for name, value in inputs.items()})
    assert tokens.dtype == torch.int64
    assert weights.dtype == torch.float32
    assert tokens.tolist() == inputs["tokens"].tolist()


def test_a_missing_text_is_refused_by_its_row():
    with pytest.raises(ValueError, match="column 'text' must hold a text in every row, but row 2 has none"):
        FEATURES.prepare(columns(["a", None, None]))


def test_a_column_of_numbers_is_refused():
    with pytest.raises(ValueError, match="column 'text' must hold texts, got int64"):
        FEATURES.prepare({"text": pa.array([1, 2])})


def test_features_come_back_from_their_settings(tmp_path):
    features = TextFeatures(longest=5, num_buckets=1024)
    assert features_from("text", features.to_dict(), tmp_path) == features


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"smallest": 0}, "smallest must be a whole number of 1 or more, got 0"),
        ({"num_buckets": 2.0}, "num_buckets must be a whole number of 1 or more, got 2.0"),
        ({"num_buckets": 1 << 23}, "num_buckets must be at most"),
        ({"longest": 9}, "n-grams must have 1 to 8 characters, got 1 to 9"),
        ({"smallest": 3, "longest": 2}, "n-grams must have 1 to 8 characters, got 3 to 2"),
        ({"kind": "words"}, "the kind of text features must be char_ngrams, got 'words'"),
        ({"vocabulary": 7}, "preprocessing must have smallest, longest"),
    ],
)
def test_settings_that_are_none_are_refused(settings, message, tmp_path):
    with pytest.raises(ContractError, match=message):
        features_from("text", {**FEATURES.to_dict(), **settings}, tmp_path)


def test_features_are_fitted_to_training_texts_and_to_no_fewer_than_one():
    assert fit_text_features([pa.array([], pa.string()), pa.array(["a"])]) == TextFeatures()
    with pytest.raises(ValueError, match="at least one training row, got none"):
        fit_text_features([])
