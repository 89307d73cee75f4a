"""English articles: a or an by the sound that follows, not by the letter."""

import re

_VOWELS = "aeiou"
# Read with a consonant first though a vowel is written, and the other way round.
_CONSONANT_SOUND = re.compile(r"(?:eu|ewe|one\b|once\b|u(?:ni(?!n|m)|s[aeiu]|k|tili|biq|ran))", re.IGNORECASE)
_SILENT_H = re.compile(r"(?:hour|honest|honou?r|heir)", re.IGNORECASE)
# Letters whose names begin with a vowel: an LGBT person, an FBI agent; but a UK citizen.
_VOWEL_NAMES = "AEFHILMNORSX"
# 8, 80 to 89, 800 ..., 11, 18, 11,000 and 18,000 ... begin with a vowel: eight, eleven, eighteen.
_VOWEL_NUMBER = re.compile(r"8|1[18](?:(?:,?\d{3})+)?(?!\d)")


def article(phrase: str) -> str:
    """`a` or `an`, as it stands before a phrase.

    Parameters
    ----------
    phrase
        What follows: its first word decides. Words in capitals (LGBT) are read letter by letter.

    Raises
    ------
    ValueError
        If the phrase does not begin with a letter or a digit.
    """
    if not phrase[:1].isalnum():
        raise ValueError(f"a phrase after an article must begin with a letter or a digit, got {phrase!r}")
    word = re.split(r"[\s-]", phrase, maxsplit=1)[0]
    if word[0].isdigit():
        return "an" if _VOWEL_NUMBER.match(word) else "a"
    if word.isupper():
        return "an" if word[0] in _VOWEL_NAMES else "a"
    if _SILENT_H.match(word):
        return "an"
    return "an" if word[0].lower() in _VOWELS and not _CONSONANT_SOUND.match(word) else "a"
