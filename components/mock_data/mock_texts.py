"""Made-up texts that follow the wanted lengths, numbers of words and scripts, and whose words show the class."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
import math

import numpy as np

from components.mock_data.apportionment import apportioned
from components.mock_data.made_up_words import ALPHABETS, Vocabulary
from components.mock_data.measure_facts import MeasureFacts
from components.mock_data.planted_signal import coupled

SCRIPTS = tuple(ALPHABETS)
_LENGTHS = (12, 60)
_LONGEST_WITHOUT_STATISTICS = 300
_LETTERS_A_WORD = {"share_hangul": 3.0}
_LETTERS_A_WORD_ELSE = 5.0
_PUNCTUATION = 0.04
_CLASS_WORD_SHARE = 0.4
_ROUNDING = 1e-9
_BISECTIONS = 60


def mock_texts(shown: np.ndarray, num_classes: int, facts: MeasureFacts, rng: np.random.Generator) -> list[str]:
    """Make up N texts, one for each class in `shown`, shape (N,), int.

    Length and number of words keep to the schema always, the scripts where whole letters can. A text too short for a
    word of three letters, two in Hangul, shows no class. Refuses a length too short for its words, and scripts that
    cannot add up to 1.
    """
    shares = _script_shares(len(shown), facts, rng)
    main = SCRIPTS[int(shares.mean(axis=0).argmax())]
    low, high = _bounds_of_shares(facts)
    vocabularies = [Vocabulary(script=script, num_classes=num_classes * (script == main)) for script in SCRIPTS]
    lengths, words = _lengths_and_words(len(shown), main, facts, rng)
    texts = []
    for row in range(len(shown)):
        letters = _letters_of_scripts(lengths[row] - words[row] + 1, shares[row], low, high)
        texts.append(_spaced(_words(letters, vocabularies, int(shown[row]), rng), words[row], rng))
    return texts


def _lengths_and_words(
    num_rows: int, main: str, facts: MeasureFacts, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Length and number of words of each text: long texts have many words."""
    length_rule, words_rule = facts.rule("text_length"), facts.rule("text_words")
    fewest, most = max(int(words_rule.low or 0), 1), words_rule.high or math.inf
    # Each word needs a letter, and there is a space between two.
    shortest = max(int(length_rule.low or 0), 2 * fewest - 1)
    if length_rule.high is not None and shortest > length_rule.high:
        raise ValueError(
            f"text_length must allow texts of {fewest} words, {shortest} characters or more, "
            f"but the schema allows {length_rule.high}"
        )
    length_rule = replace(length_rule, low=None if length_rule.low is None and fewest == 1 else shortest)
    if not facts.is_known("text_length"):
        length_rule = length_rule.narrowed(*_LENGTHS, widest=_LONGEST_WITHOUT_STATISTICS)
    lengths = [max(int(value), shortest) for value in facts.draw(length_rule, rng, num_rows)]
    if facts.is_known("text_words"):
        scores = np.array(lengths) * rng.uniform(0.8, 1.25, num_rows)
        wanted = [int(value) for value in coupled(facts.draw(words_rule, rng, num_rows), scores)]
    else:
        letters = _LETTERS_A_WORD.get(main, _LETTERS_A_WORD_ELSE)
        wanted = np.rint(np.array(lengths) / (letters + 1) * rng.uniform(0.8, 1.25, num_rows)).astype(int).tolist()
    words = [
        int(min(max(count, fewest), most, (length + 1) // 2)) for count, length in zip(wanted, lengths, strict=True)
    ]
    return lengths, words


def _script_shares(num_rows: int, facts: MeasureFacts, rng: np.random.Generator) -> np.ndarray:
    """Share of each script wanted in each text, shape (N, 4), float: rows add up to 1, within the schema's bounds."""
    low, high = _bounds_of_shares(facts)
    expected = np.array([facts.mean(script) for script in SCRIPTS])
    if not expected.any():
        # The script with the highest minimum in the schema; Latin, the first one, where none has any.
        expected[int(low.argmax())] = 1.0
        expected[SCRIPTS.index("share_other")] += _PUNCTUATION
    main = int(_projected(expected[None], low, high)[0].argmax())
    wanted = np.tile(expected, (num_rows, 1))
    for place, script in enumerate(SCRIPTS):
        if place != main and facts.is_known(script):
            wanted[:, place] = facts.draw(facts.rule(script), rng, num_rows)
    wanted[:, main] = np.maximum(1.0 - np.delete(wanted, main, axis=1).sum(axis=1), 0.0)
    return _projected(wanted / wanted.sum(axis=1, keepdims=True), low, high)


def _bounds_of_shares(facts: MeasureFacts) -> tuple[np.ndarray, np.ndarray]:
    rules = [facts.rule(script) for script in SCRIPTS]
    low = np.array([max(rule.low or 0.0, 0.0) for rule in rules])
    high = np.array([1.0 if rule.high is None else min(rule.high, 1.0) for rule in rules])
    if low.sum() > 1.0 + _ROUNDING or high.sum() < 1.0 - _ROUNDING:
        raise ValueError(
            f"the schema must allow {', '.join(SCRIPTS)} to add up to 1, but they add up to at least {low.sum():g} "
            f"and at most {high.sum():g}"
        )
    return low, high


def _projected(wanted: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The shares between the bounds that add up to 1 and lie nearest, shape (N, S): all move by the same amount."""
    down, up = np.full((len(wanted), 1), -1.0), np.full((len(wanted), 1), 1.0)
    for _ in range(_BISECTIONS):
        middle = (down + up) / 2
        too_much = np.clip(wanted + middle, low, high).sum(axis=1, keepdims=True) > 1.0
        down, up = np.where(too_much, down, middle), np.where(too_much, middle, up)
    return np.clip(wanted + (down + up) / 2, low, high)


def _letters_of_scripts(num_letters: int, shares: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[int]:
    """How many letters each script has, adding up to `num_letters`; within the bounds where whole letters can be."""
    least = np.ceil(low * num_letters - _ROUNDING).astype(int)
    most = np.floor(high * num_letters + _ROUNDING).astype(int)
    if least.sum() > num_letters or most.sum() < num_letters or (least > most).any():
        least, most = np.zeros_like(least), np.full_like(most, num_letters)
    counts = np.clip(np.rint(shares * num_letters).astype(int), least, most)
    counts = apportioned(shares * num_letters, counts, total=num_letters, least=least, most=most)
    return [int(count) for count in counts]


def _words(
    letters: Sequence[int], vocabularies: Sequence[Vocabulary], shown: int, rng: np.random.Generator
) -> list[str]:
    """Words of all scripts: those of one script in a run, runs in any order, punctuation last."""
    order = [*rng.permutation(len(SCRIPTS) - 1).tolist(), len(SCRIPTS) - 1]
    words: list[str] = []
    told = False
    for place in order:
        vocabulary = vocabularies[place]
        for length in vocabulary.lengths(letters[place], rng):
            tells = vocabulary.can_tell(length) and (not told or rng.random() < _CLASS_WORD_SHARE)
            words.append(vocabulary.word(rng, length, shown=shown if tells else None))
            told |= tells
    return words


def _spaced(words: Sequence[str], num_words: int, rng: np.random.Generator) -> str:
    """The words with `num_words` - 1 spaces: between them while there is room, then inside them."""
    visible = "".join(words)
    between = np.cumsum([len(word) for word in words])[:-1]
    inside = np.setdiff1d(np.arange(1, len(visible)), between)
    cuts = np.concatenate([rng.permutation(between), rng.permutation(inside)])[: num_words - 1]
    ends = [0, *sorted(cuts.astype(int).tolist()), len(visible)]
    return " ".join(visible[start:end] for start, end in pairwise(ends))
