import math

import pyarrow as pa
import pytest

from components.shared.tables.text_measures import TEXT_MEASURES, text_measures


def measured(text: str) -> dict:
    found = text_measures(pa.array([text]))
    assert {name: array.type for name, array in found.items()} == TEXT_MEASURES
    return {name: array[0].as_py() for name, array in found.items()}


def test_measures_of_a_mixed_text():
    assert measured("한글 ab 12 !!") == {
        "text_length": 11,
        "text_words": 4,
        "share_hangul": 0.25,
        "share_latin": 0.25,
        "share_digits": 0.25,
        "share_other": 0.25,
    }


@pytest.mark.parametrize(
    ("text", "share"),
    [("ㅋㅋㅎㅎ", "share_hangul"), ("Éa", "share_latin"), ("٣4", "share_digits"), ("好き!", "share_other")],
)
def test_a_text_of_one_script_has_its_whole_share(text, share):
    assert measured(text)[share] == pytest.approx(1.0)


def test_a_character_outside_the_basic_plane_counts_once():
    assert measured("😀a")["text_length"] == 2


def test_a_text_without_visible_characters_has_no_shares():
    found = measured("\u3000 ")
    assert found["text_words"] == 0
    assert all(math.isnan(found[name]) for name in found if name.startswith("share_"))
