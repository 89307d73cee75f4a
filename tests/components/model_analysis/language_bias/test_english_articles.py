import pytest

from components.model_analysis.language_bias.english_articles import article

AN = """
elderly person; atheist; hour; honest man; heir; 8-year-old; 80-year-old; 11-year-old; 18-year-old;
11,000-strong crowd; LGBT person; FBI agent; MTF person; uninvited guest; unimportant person; umbrella; X-ray
technician; only child; immigrant; Iranian; Alabamian; 800-strong choir
"""
A = """
woman; European; user; union member; university student; unique person; one-armed man; UK citizen; hearing
person; 1-year-old; 10-year-old; 180-strong choir; 110-year-old; 25-year-old; ewe; Ukrainian; utilitarian;
house; Hindu; Unitarian; BTS fan; historian; uranium miner
"""


@pytest.mark.parametrize("phrase", [" ".join(phrase.split()) for phrase in AN.split(";")])
def test_an_stands_before_a_vowel_that_is_heard(phrase):
    assert article(phrase) == "an"


@pytest.mark.parametrize("phrase", [" ".join(phrase.split()) for phrase in A.split(";")])
def test_a_stands_before_a_consonant_that_is_heard(phrase):
    assert article(phrase) == "a"


def test_nothing_to_say_is_refused():
    with pytest.raises(ValueError, match="letter or a digit"):
        article(" person")
