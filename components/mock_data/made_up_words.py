"""Made-up words of any length and script: some that all classes share, some of one class alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from components.shared.runtime.fingerprints import fingerprint_bytes

# Letters at even and at odd places of a word, so that it can be read aloud.
ALPHABETS: dict[str, tuple[str, str]] = {
    "share_latin": ("bdfgklmnprstvz", "aeiou"),
    "share_hangul": (
        "가나다라마바사아자차카타파하고노도로모보소오조호구누두루무부수우주후",
        "기니디리미비시이지치게네데레메베세에제해간난단란만반산안장창강당",
    ),
    "share_digits": ("0123456789", "0123456789"),
    "share_other": ("!?.,~;:", "!?.,~;:"),
}
# Shortest and longest word that may belong to a class; the longest is twice the shortest, so that every length can be
# put together from such words.
_CLASS_WORD_LENGTHS = {"share_latin": (3, 6), "share_hangul": (2, 4), "share_digits": (3, 6), "share_other": (3, 6)}
_NUM_SHARED_WORDS = 60
_NUM_CLASS_WORDS = 6


def concept_rng(*names: str) -> np.random.Generator:
    """A generator for the relation of class and payload, which is the same for every seed of a sample."""
    return np.random.default_rng(int(fingerprint_bytes("\x1f".join(names).encode()), 16))


def made_up_value(column: str, rank: int, length: int) -> str:
    """Letters and the rank, from 0, which keeps a column's values apart; longer than `length` where it must be."""
    number = str(rank)
    letters = _word(concept_rng(column, number), "share_latin", max(length - len(number), 1))
    return letters + number


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """The words of a script, one of `ALPHABETS`; with 0 classes no word belongs to a class."""

    script: str
    num_classes: int

    def lengths(self, num_letters: int, rng: np.random.Generator) -> list[int]:
        """Lengths of the words that a run of letters is put together from."""
        shortest, longest = _CLASS_WORD_LENGTHS[self.script]
        lengths = []
        while num_letters > longest:
            lengths.append(int(rng.integers(shortest, min(longest, num_letters - shortest) + 1)))
            num_letters -= lengths[-1]
        return [*lengths, num_letters] if num_letters else lengths

    def can_tell(self, length: int) -> bool:
        """Whether a word of this length may belong to a class."""
        shortest, longest = _CLASS_WORD_LENGTHS[self.script]
        return bool(self.num_classes) and shortest <= length <= longest

    def word(self, rng: np.random.Generator, length: int, *, shown: int | None) -> str:
        """A word of `length` letters that shows the class `shown`; None for a word that all classes share."""
        words = _words(self.script, self.num_classes, length)
        if shown is None or not self.can_tell(length):
            return words[int(rng.integers(_num_shared(words, self.num_classes)))]
        class_words = words[_num_shared(words, self.num_classes) :][shown :: self.num_classes]
        return class_words[int(rng.integers(len(class_words)))]


def _num_shared(words: Sequence[str], num_classes: int) -> int:
    """How many words come before those of the classes: all of them where there are too few to tell classes apart."""
    return len(words) // 2 if len(words) >= 4 * num_classes else len(words)


@lru_cache(maxsize=256)
def _words(script: str, num_classes: int, length: int) -> tuple[str, ...]:
    """Different words of a length: the shared ones first, then one of each class in turn."""
    rng = concept_rng(script, str(length))
    wanted = _NUM_SHARED_WORDS + _NUM_CLASS_WORDS * num_classes
    words: dict[str, None] = {}
    for _ in range(4 * wanted):
        words[_word(rng, script, length)] = None
    return tuple(words)[:wanted]


def _word(rng: np.random.Generator, script: str, length: int) -> str:
    alphabets = ALPHABETS[script]
    start = int(rng.integers(2))
    letters = (alphabets[(start + place) % 2] for place in range(length))
    return "".join(letter[int(rng.integers(len(letter)))] for letter in letters)
