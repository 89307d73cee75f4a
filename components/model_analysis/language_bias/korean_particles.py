"""Korean particles that depend on how the word before them ends: 여성은, 남자는; 서울로, 부산으로."""

from typing import Literal
import unicodedata

# ㄹ is a consonant of its own: 으로 becomes 로 after it, as after a vowel.
FinalSound = Literal["vowel", "rieul", "consonant"]

_RIEUL = "ᆯ"
_FINALS = range(0x11A8, 0x11C3)
# How digits and letters are read: 영 일 이 삼 사 오 육 칠 팔 구; 엘 엠 엔 알, the other letters end in a vowel.
_DIGITS: dict[str, FinalSound] = {"0": "consonant", "1": "rieul", "3": "consonant", "6": "consonant"}
_DIGITS |= {"7": "rieul", "8": "rieul"}
_LETTERS: dict[str, FinalSound] = {"L": "rieul", "M": "consonant", "N": "consonant", "R": "rieul"}
# 십 백 천 만: a number that ends in zeros is read by its last power of ten; 억 too, but 조 ends in a vowel.
_VOWEL_POWER = range(12, 16)
# Words in Latin letters as Korean writes their sounds: 구글, 애플, 게임, 펌, 킹; 로봇, 블로그 (a vowel is added).
_RIEUL_ENDINGS = ("l", "le", "lle")
_CONSONANT_ENDINGS = ("m", "n", "ng", "me", "ne", "p", "k", "ck", "ot", "et", "at", "it", "ook")


def final_sound(word: str, *, reading: str = "") -> FinalSound:
    """How a word ends for the particle after it.

    Parameters
    ----------
    word
        A word or several, in Hangul, Latin letters or digits; marks at its end are passed over.
    reading
        The word as it is read, in Hangul, where its letters do not say it: 엘지비티 for LGBT.

    Returns
    -------
    FinalSound
        `rieul` for ㄹ, `consonant` for the others. For a word in small Latin letters it is a guess from its last
        letters; in capitals (LGBT, KFP) each letter is read by its name.

    Raises
    ------
    ValueError
        If there is no letter and no digit in it.
    """
    letters = [letter for letter in reading or word if letter.isalnum()]
    if not letters:
        raise ValueError(f"a word before a particle must have a letter or a digit, got {word!r}")
    last = letters[-1]
    if last.isdigit():
        return _of_number(_without_marks_at_its_end(reading or word))
    if last.isascii():
        return _of_latin((reading or word).split()[-1])
    return _of_hangul(last)


def with_particle(word: str, particle: str, *, reading: str = "") -> str:
    """A word and the particle that fits it.

    Parameters
    ----------
    particle
        Both forms, after a consonant first: 은/는, 이/가, 을/를, 과/와, 으로/로, 이다/다, 이었다/였다.

    Raises
    ------
    ValueError
        If `particle` is not two forms.
    """
    after_consonant, slash, after_vowel = particle.partition("/")
    if not (slash and after_consonant and after_vowel):
        raise ValueError(f"a particle must be two forms with a slash, such as 은/는, got {particle!r}")
    sound = final_sound(word, reading=reading)
    ends_open = sound == "vowel" or (sound == "rieul" and after_consonant.startswith("으"))
    return word + (after_vowel if ends_open else after_consonant)


def _without_marks_at_its_end(word: str) -> str:
    return word.rstrip("".join({letter for letter in word if not letter.isalnum()}))


def _of_hangul(syllable: str) -> FinalSound:
    last = unicodedata.normalize("NFD", syllable)[-1]
    if last == _RIEUL:
        return "rieul"
    return "consonant" if ord(last) in _FINALS else "vowel"


def _of_number(word: str) -> FinalSound:
    digits = word[len(word.rstrip("0123456789,")) :].replace(",", "")
    zeros = len(digits) - len(digits.rstrip("0"))
    if zeros == len(digits) or not zeros:
        return _DIGITS.get(digits[-1], "vowel")
    return "vowel" if zeros in _VOWEL_POWER else "consonant"


def _of_latin(word: str) -> FinalSound:
    letters = "".join(letter for letter in word if letter.isalpha())
    if letters.isupper():
        return _LETTERS.get(letters[-1], "vowel")
    small = letters.lower()
    if small.endswith(_RIEUL_ENDINGS):
        return "rieul"
    return "consonant" if small.endswith(_CONSONANT_ENDINGS) else "vowel"
