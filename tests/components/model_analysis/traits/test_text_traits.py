import math

import pyarrow as pa
import pytest
from tokenizers import models, pre_tokenizers, Tokenizer

from components.model_analysis.traits.text_traits import text_traits, unknown_shares


def traits(text: str) -> dict:
    return {name: values[0].as_py() for name, values in text_traits(pa.array([text])).items()}


def test_traits_of_a_korean_text():
    found = traits("좋아요ㅋㅋㅋ 10")
    assert found["text_length"] == 9
    assert found["text_words"] == 2
    assert found["share_hangul"] == pytest.approx(6 / 8)
    assert found["share_digits"] == pytest.approx(2 / 8)
    assert found["share_letters"] == pytest.approx(6 / 8)
    assert found["share_repeated"] == pytest.approx(3 / 8)
    assert found["share_emoji"] == 0.0


def test_emoji_are_counted():
    assert traits("ab😀❤")["share_emoji"] == 0.5
    assert traits("12 # *")["share_emoji"] == 0.0


def test_two_of_the_same_are_no_run():
    assert traits("book")["share_repeated"] == 0.0
    assert traits("boook!!!!")["share_repeated"] == pytest.approx(7 / 9)


def test_a_text_without_a_visible_character_has_no_shares():
    found = traits("  ")
    assert all(math.isnan(found[name]) for name in ("share_letters", "share_emoji", "share_repeated"))


def word_level(unknown: str) -> str:
    tokenizer = Tokenizer(models.WordLevel({unknown: 0, "good": 1, "film": 2}, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer.to_str()


def test_the_share_of_unknown_tokens():
    texts = ["good film", "good xyz", "abc xyz", ""]
    assert unknown_shares(texts, word_level("[UNK]"))[:3].tolist() == [0.0, 0.5, 1.0]
    assert math.isnan(unknown_shares(texts, word_level("[UNK]"))[3])


def test_a_unigram_tokenizer_counts_its_unknown_token():
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0), ("b", -1.0)], unk_id=0, byte_fallback=False))
    assert unknown_shares(["ab", "z"], tokenizer.to_str()).tolist() == [0.0, 1.0]


def test_with_a_tokenizer_texts_have_one_trait_more():
    assert "share_unknown" not in text_traits(pa.array(["a"]))
    assert text_traits(pa.array(["good xyz"]), tokenizer=word_level("?"))["share_unknown"].to_pylist() == [0.5]
