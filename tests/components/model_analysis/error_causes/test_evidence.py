"""What is found on texts, rows and labels themselves; what errors have in common; which examples are far away."""

import numpy as np
import pyarrow as pa
import pytest

from components.model_analysis.error_causes.cause_names import BROKEN_PROCESSING, OUT_OF_DISTRIBUTION, POOR_INPUT
from components.model_analysis.error_causes.error_clusters import error_clusters
from components.model_analysis.error_causes.isolation import KindAngles, KindIsolation
from components.model_analysis.error_causes.label_noise import label_noise
from components.model_analysis.error_causes.nearest_training import nearest_training
from components.model_analysis.error_causes.photo_damage import DAMAGES
from components.model_analysis.error_causes.photo_detail import photo_detail
from components.model_analysis.error_causes.row_evidence import RowJudge
from components.model_analysis.error_causes.text_evidence import TextJudge
from tests.components.model_analysis.error_causes.planted_values import BROKEN_TEXTS
from tests.components.model_analysis.small_models import comment

TEXTS = [comment("good" if seed % 2 else "bad", seed) for seed in range(200)]
HELD_OUT = [comment("good" if seed % 2 else "bad", seed) for seed in range(300, 400)]


@pytest.fixture(scope="module")
def texts():
    return TextJudge(TEXTS)


@pytest.mark.parametrize("kind", BROKEN_TEXTS)
def test_broken_texts_are_found_and_healthy_ones_are_not(texts, kind):
    rng = np.random.default_rng(0)
    broken = [BROKEN_TEXTS[kind](text, rng) for text in HELD_OUT]
    causes = [{found.cause for found in texts.findings(text)} for text in broken]
    assert causes == [{BROKEN_PROCESSING}] * len(broken)
    assert not any(texts.findings(text) for text in HELD_OUT)


def test_a_text_in_another_language_is_strange_and_not_broken(texts):
    english = "the acting was superb and I loved every minute"
    assert texts.novelties([english, "ㅋ"]).tolist() == [1, 0]
    assert texts.findings(english) == []
    assert texts.novelties(HELD_OUT).max() < 0.2
    few = TextJudge(["abcd", "wxyz"])
    assert few.novelties(["abcd", "abyz"]).tolist() == [0, 1 / 3]
    assert few.left_out_novelties().tolist() == [1, 1], "a text is not known by itself"


def test_blank_and_tiny_texts_are_poor(texts):
    assert [texts.findings(text)[0].cause for text in ("", "  ", "ㅋ", "!!!!!!!!")] == [POOR_INPUT] * 4


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return RowJudge(
        {
            "miles": pa.array(rng.uniform(1, 20, 500)),
            "year": pa.array(rng.integers(2000, 2020, 500)),
            "paid": pa.array(rng.choice(["Cash", "Card"], 500)),
            "card_number": pa.array(rng.uniform(10, 99, 500)),
        },
        personal=["card_number"],
    )


USUAL = {"miles": 5.0, "year": 2010, "paid": "Cash", "card_number": 50.0}


@pytest.mark.parametrize(
    ("changed", "kind", "cause"),
    [
        ({"miles": 5000.0}, "scaled", BROKEN_PROCESSING),
        ({"miles": -999.0}, "stand-in", BROKEN_PROCESSING),
        ({"miles": None}, "missing", BROKEN_PROCESSING),
        ({"miles": 2010.0, "year": 5}, "exchanged", BROKEN_PROCESSING),
        ({"miles": -5.0}, "sign", BROKEN_PROCESSING),
        ({"paid": "CASH "}, "other spelling", BROKEN_PROCESSING),
        ({"paid": "Bitcoin"}, "unseen value", OUT_OF_DISTRIBUTION),
        ({"miles": 1e9, "year": -70000, "card_number": 7e7}, "other rows", OUT_OF_DISTRIBUTION),
    ],
)
def test_what_is_wrong_with_a_row_is_named(rows, changed, kind, cause):
    found = rows.findings({**USUAL, **changed})[0]
    assert (found.kind, found.cause) == (kind, cause)


def test_a_usual_row_has_nothing_and_values_of_personal_columns_are_not_told(rows):
    assert rows.findings(USUAL) == []
    [found] = rows.findings({**USUAL, "card_number": 51234.0})
    assert "card_number" in found.words
    assert not any(character.isdigit() for character in found.words.replace("1000", ""))


def drawn_answers(rng, *, noise, num_rows=600):
    true = rng.integers(0, 2, num_rows)
    logits = 3.0 * (true - 0.5)[:, None] * np.array([-1, 1]) + rng.normal(0, 0.7, (num_rows, 2))
    answers = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    is_flipped = rng.random(num_rows) < noise
    return answers, np.where(is_flipped, 1 - true, true), is_flipped


def test_wrong_labels_are_told_from_wrong_answers():
    answers, labels, is_flipped = drawn_answers(np.random.default_rng(0), noise=0.1)
    found = label_noise(answers, labels)
    is_error = answers.argmax(axis=1) != labels
    assert 0.05 <= found.share <= 0.15
    assert (found.is_wrong[is_error & is_flipped] > 0.5).mean() > 0.85
    clean = label_noise(*drawn_answers(np.random.default_rng(1), noise=0.0)[:2])
    assert clean.share < 0.02


def test_without_examples_no_label_is_suspected():
    assert len(label_noise(np.zeros((0, 2)), np.zeros(0, int)).is_wrong) == 0


def test_examples_of_a_kind_are_near_and_others_are_not():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (300, 8))
    kinds = KindIsolation({"one": values[:100], "other": values[100:200] + 9})
    assert np.median(kinds.of("other", values[200:] + 9)) < 1.5 < kinds.of("other", values[200:]).min()


def test_a_kind_is_looked_at_when_first_asked_for_and_no_more_kinds_than_bounded():
    rng, asked = np.random.default_rng(0), []

    def examples_of(kind):
        asked.append(kind)
        return rng.normal(0, 0.3, (24, 6)) + np.eye(6)[int(kind)] * 3

    angles = KindAngles(examples_of, max_kinds=1)
    assert not asked
    assert angles.of("0", np.eye(6)[:1] * 5)[0] < 2 < angles.of("0", np.eye(6)[1:2])[0]
    assert angles.of("1", np.eye(6)[:1]).tolist() == [0]
    assert asked == ["0"]


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("shape", [(32, 32, 3), (40, 64, 3)])
def test_every_damage_changes_a_photo_and_keeps_its_shape(kind, shape):
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (*shape[:2], 3)).astype(np.uint8)
    found = DAMAGES[kind].damage(photo, rng)
    assert (found.dtype, found.ndim, found.shape[2]) == (np.uint8, 3, 3)
    assert found.shape == photo.shape or (kind == "turned" and found.shape == (shape[1], shape[0], 3))
    assert found.shape != photo.shape or (found != photo).any()


def test_detail_is_the_same_for_light_and_dark_and_tells_blur_of_one_direction():
    rng = np.random.default_rng(0)
    sharp = rng.random((48, 48))
    moved = np.mean([np.roll(sharp, (step, step), (0, 1)) for step in range(9)], axis=0)
    one, other = photo_detail(sharp), photo_detail(moved)
    assert np.isfinite([*one, *other, *photo_detail(np.zeros((48, 48)))]).all()
    assert other[15] < one[15] - 0.5, "along the diagonal the finest detail is gone"


def test_neighbours_are_those_of_the_same_direction():
    training = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.1]])
    found = nearest_training(np.array([[5.0, 0.0]]), training, 2)
    assert found.rows.tolist() == [[0, 2]]
    assert found.votes(np.array([1, 0, 0]), np.array([0])).tolist() == [0.5]
    assert nearest_training(np.zeros((2, 2)), np.zeros((0, 2))).votes(np.zeros(0, int), np.zeros(2)).tolist() == [0, 0]


def test_errors_with_a_trait_in_common_are_grouped_and_random_ones_are_not():
    rng = np.random.default_rng(0)
    usual = {"brightness": pa.array(rng.uniform(0, 1, 300)), "region": pa.array(rng.choice(["north", "south"], 300))}
    dark = {"brightness": pa.array(rng.uniform(0, 0.05, 20)), "region": pa.array(["north", "south"] * 10)}
    [group] = error_clusters(dark, usual)
    assert group.words.startswith("dark (brightness below 0.")
    assert group.num_with_trait == len(group.rows) == 20
    found = 0
    for seed in range(40):
        drawn = np.random.default_rng(seed)
        same = {
            "brightness": pa.array(drawn.uniform(0, 1, 40)),
            "region": pa.array(drawn.choice(["north", "south"], 40)),
        }
        found += bool(error_clusters(same, usual))
    assert found <= 2
