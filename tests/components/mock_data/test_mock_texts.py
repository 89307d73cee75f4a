from collections import Counter
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from components.mock_data.column_rules import ColumnRule
from components.mock_data.measure_facts import MeasureFacts
from components.mock_data.mock_texts import mock_texts


def facts_of(**bounds) -> MeasureFacts:
    return MeasureFacts(rules={name: ColumnRule(name=name, low=low, high=high) for name, (low, high) in bounds.items()})


def made(facts, *, num_rows=60, num_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    return mock_texts(rng.integers(num_classes, size=num_rows), num_classes, facts, rng)


def share_of(text: str, script: str) -> float:
    visible = [letter for letter in text if not letter.isspace()]
    return sum(script in unicodedata.name(letter) for letter in visible) / len(visible)


@given(
    length=st.tuples(st.integers(0, 40), st.integers(0, 80)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    words=st.tuples(st.integers(0, 6), st.integers(1, 9)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    seed=st.integers(0, 999),
)
@settings(max_examples=80, deadline=None)
def test_length_and_number_of_words_keep_to_the_schema(length, words, seed):
    facts = facts_of(text_length=length, text_words=words)
    if max(length[1], 1) < 2 * max(words[0], 1) - 1 or length[1] == 0:
        with pytest.raises(ValueError, match="text_length must allow texts of"):
            made(facts, num_rows=8, seed=seed)
        return
    for text in made(facts, num_rows=8, seed=seed):
        assert max(length[0], 1) <= len(text) <= length[1]
        assert max(words[0], 1) <= len(text.split()) <= words[1]
        assert text == " ".join(text.split())


def test_scripts_keep_to_the_schema():
    facts = facts_of(text_length=(20, 60), share_hangul=(0.5, 0.7), share_latin=(0.1, 1.0), share_digits=(0.0, 0.2))
    for text in made(facts):
        assert 0.5 <= share_of(text, "HANGUL") <= 0.7
        assert share_of(text, "LATIN") >= 0.1
        assert share_of(text, "DIGIT") <= 0.2


@pytest.mark.parametrize(("bounds", "script"), [({}, "LATIN"), ({"share_hangul": (0.6, 1.0)}, "HANGUL")])
def test_the_script_is_the_one_that_the_schema_insists_on(bounds, script):
    assert np.mean([share_of(text, script) for text in made(facts_of(**bounds))]) > 0.8


def test_each_class_has_words_that_no_other_class_has():
    facts, num_classes = facts_of(text_length=(30, 60)), 4
    rng = np.random.default_rng(0)
    shown = np.repeat(np.arange(num_classes), 100)
    words: list[dict[str, int]] = [{} for _ in range(num_classes)]
    for label, text in zip(shown, mock_texts(shown, num_classes, facts, rng), strict=True):
        for word in set(text.split()):
            words[label][word] = words[label].get(word, 0) + 1
    for label, counts in enumerate(words):
        others = set().union(*(other for other in words if other is not counts))
        assert [word for word in counts if counts[word] >= 5 and word not in others], label


def test_words_of_a_class_are_the_same_whatever_the_seed():
    samples = [mock_texts(np.zeros(300, int), 2, facts_of(), np.random.default_rng(seed)) for seed in (1, 2)]
    counts = [Counter(word for text in texts for word in text.split()) for texts in samples]
    frequent = [word for word, _ in counts[0].most_common(20)]
    assert all(word in counts[1] for word in frequent)


def test_scripts_that_cannot_add_up_are_one_sentence():
    with pytest.raises(ValueError, match=r"add up to at least 1.2"):
        made(facts_of(share_hangul=(0.6, 1.0), share_latin=(0.6, 1.0)))
