import unicodedata

import pytest

from components.shared.contracts.label_matching import LabelMatcher


@pytest.mark.parametrize("label", ["cat", "Cat", "CAT", " cat "])
def test_case_and_blanks_do_not_matter(label) -> None:
    assert LabelMatcher(["dog", "cat"]).index(label) == 1


@pytest.mark.parametrize("label", ["cats", "ca", "bird", "", None])
def test_other_words_are_no_class(label) -> None:
    assert LabelMatcher(["dog", "cat"]).index(label) is None


def test_decomposed_hangul_is_the_same_name() -> None:
    matcher = LabelMatcher(["강아지", "고양이"])
    assert matcher.name(unicodedata.normalize("NFD", "고양이")) == "고양이"


def test_classes_that_differ_in_case_alone_match_exactly_or_not_at_all() -> None:
    matcher = LabelMatcher(["us", "US"])
    assert [matcher.index(label) for label in ("us", "US", "Us")] == [0, 1, None]


def test_an_unknown_label_keeps_its_spelling() -> None:
    matcher = LabelMatcher(["cat", "dog"])
    assert [matcher.spelled(label) for label in ("CAT", "Bird ", " ", None)] == ["cat", "Bird", None, None]
