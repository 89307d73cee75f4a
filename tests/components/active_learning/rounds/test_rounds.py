"""Rounds with an oracle find what was planted, promise nothing where nothing can be gained, and can be repeated."""

import html
import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.isotonic import isotonic_regression

from components.active_learning.rounds.comparison import compared_rounds, RoundsComparison
from components.active_learning.rounds.label_savings import (
    label_ratio,
    labels_to_reach,
    mean_interval,
    MeanInterval,
    never_falling,
)
from components.active_learning.rounds.labelled_rows import LabelledRows, read_labelled_rows
from components.active_learning.rounds.report import rounds_report
from components.active_learning.rounds.simulated_rounds import learning_curve, RoundsSettings, start_rows
from components.active_learning.rounds.stop_rule import expected_gain, next_batch
from components.active_learning.selection.budget import DEFAULT_SHARES
from components.modeling.cheap_models.fitting import fitted_linear, Question
from components.shared.contracts.example_table import ExampleTable
from tests.components.active_learning.planted_pools import (
    HELD_OUT_SEEDS,
    rows_near_a_border,
    SEEDS,
    striped_photos,
    write_comments,
    write_photos,
    write_rows,
)

SETTINGS = RoundsSettings(start_labels=40, budget=120, batch=20)
QUESTION = Question(num_classes=2, metric="accuracy")


def planted_rows(seed: int, *, planted: bool) -> LabelledRows:
    rows, labels = rows_near_a_border(seed, planted=planted)
    return LabelledRows(
        class_names=("low", "high"),
        train=rows[:800],
        train_labels=labels[:800],
        test=rows[800:],
        test_labels=labels[800:],
        embeddings=rows[:800].astype(np.float32),
        content_ids=np.arange(1, 801, dtype=np.uint64),
        fit=lambda chosen, told: fitted_linear(chosen, told, QUESTION, strength=100.0),
        model_name="logistic regression",
    )


@pytest.mark.parametrize("seed", SEEDS[:1] + HELD_OUT_SEEDS)
def test_labels_are_saved_where_rows_near_a_border_teach_and_not_of_noise(seed: int) -> None:
    found = compared_rounds(planted_rows(seed, planted=True), DEFAULT_SHARES, SETTINGS, seeds=range(5))
    assert found.ratio.ratio < 0.8
    assert mean_interval((found.chosen - found.at_random)[:, 1:].mean(axis=1)).mean > 0.0
    twin = compared_rounds(planted_rows(seed, planted=False), DEFAULT_SHARES, SETTINGS, seeds=range(2))
    assert abs(twin.chosen.mean() - 0.5) < 0.06
    assert not twin.gain.low > 0.0


def test_both_sides_start_alike_and_a_run_can_be_repeated() -> None:
    rows = planted_rows(0, planted=True)
    first, second = (learning_curve(rows, DEFAULT_SHARES, SETTINGS, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first[0] == learning_curve(rows, {"random": 1.0}, SETTINGS, seed=3)[0]


def test_a_start_has_two_classes() -> None:
    labels = np.zeros(500, int)
    labels[7] = 1
    assert set(labels[start_rows(labels, 5, 0)].tolist()) == {0, 1}


def test_the_oracle_reads_tables_and_texts(tmp_path: Path) -> None:
    rows, labels = rows_near_a_border(0, planted=True, num_rows=400)
    table = read_labelled_rows(ExampleTable(write_rows(tmp_path / "rows", rows, labels)))
    comments = read_labelled_rows(ExampleTable(write_comments(tmp_path / "comments", 0)))
    assert table.model_name in ("logistic regression", "gradient-boosted trees")
    assert len(comments) == 400
    assert comments.embeddings.shape == (400, 64)
    for read in (table, comments):
        found = learning_curve(read, DEFAULT_SHARES, RoundsSettings(start_labels=40, budget=140, batch=100), seed=0)
        assert found[-1] > 0.7
        few = read_labelled_rows(ExampleTable(tmp_path / "comments"), max_rows=(100, 20))
        assert (len(few), len(few.test_labels)) == (100, 20)


def test_photos_are_read_once_without_code_of_their_own_and_one_that_is_broken_is_left_out(tmp_path: Path) -> None:
    photos, labels = striped_photos(0, 70)
    photos[3] = b"no photo"
    read = read_labelled_rows(ExampleTable(write_photos(tmp_path / "photos", photos, labels, num_test=20)))

    assert read.model_name == "logistic regression on frozen ImageNet features"
    assert (len(read), len(read.test_labels)) == (49, 20)
    np.testing.assert_array_equal(read.train_labels, np.delete(labels[:50], 3))
    found = learning_curve(read, DEFAULT_SHARES, RoundsSettings(start_labels=6, budget=36, batch=10), seed=0)
    assert found.shape == (4,)
    assert found[-1] > 0.8


def test_labels_to_reach_are_read_between_two_sizes() -> None:
    sizes = (100, 200, 300)
    assert labels_to_reach(sizes, np.array([0.5, 0.6, 0.8]), 0.7) == pytest.approx(250)
    assert labels_to_reach(sizes, np.array([0.5, 0.6, 0.8]), 0.4) == 100
    assert labels_to_reach(sizes, np.array([0.5, 0.6, 0.8]), 0.9) == math.inf
    # A dip is evened out: 0.7 and 0.6 are both 0.65.
    assert labels_to_reach(sizes, np.array([0.5, 0.7, 0.6]), 0.65) == pytest.approx(200)


def test_a_curve_is_evened_out_as_isotonic_regression_does() -> None:
    for seed in range(5):
        values = np.random.default_rng(seed).normal(size=12) + np.linspace(0, 2, 12)
        np.testing.assert_allclose(never_falling(values), isotonic_regression(values), atol=1e-12)


def test_a_ratio_is_paired_by_seed() -> None:
    sizes = (100, 200, 300)
    shift = np.random.default_rng(0).normal(0, 0.1, (8, 1))
    at_random = np.array([0.5, 0.6, 0.7]) + shift
    chosen = np.array([0.5, 0.7, 0.8]) + shift
    found = label_ratio(sizes, chosen, at_random)
    assert (found.ratio, found.low, found.high) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert label_ratio(sizes, at_random - 0.05, at_random).high == math.inf


def test_a_curve_that_is_flat_at_its_end_is_no_saving() -> None:
    flat = np.tile([0.5, 0.7, 0.7, 0.7], (8, 1))
    found = label_ratio((100, 200, 300, 400), flat, flat)
    assert (found.labels_at_random, found.ratio, found.high) == (200.0, 1.0, 1.0)


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    found = mean_interval(np.array([1.0, 2.0, 3.0]))
    half = 4.302653 / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), rel=1e-5)


def test_another_batch_is_weighed_against_its_price() -> None:
    gain = MeanInterval(mean=0.01, low=0.005, high=0.015)
    assert next_batch(gain, 100, price_a_label=1.0, value_a_point=300.0).advice == "go on"
    assert next_batch(gain, 100, price_a_label=1.0, value_a_point=100.0).advice == "unsure"
    stopped = next_batch(gain, 100, price_a_label=1.0, value_a_point=60.0)
    assert stopped.advice == "stop"
    assert "not worth its price" in stopped.reason
    assert stopped.points_a_label.mean == pytest.approx(0.01)
    assert next_batch(gain, 100, price_a_label=None, value_a_point=None).advice == "no price"
    with pytest.raises(ValueError, match="given together"):
        next_batch(gain, 100, price_a_label=1.0, value_a_point=None)


def test_what_another_batch_brings_follows_the_logarithm_of_the_labels() -> None:
    sizes = (100, 200, 400, 800)
    curves = np.array([0.5 + slope * np.log(np.array(sizes) / 100) for slope in (0.04, 0.05, 0.06)])
    found = expected_gain(sizes, curves, 200)
    assert found.mean == pytest.approx(0.05 * math.log(1.25))
    assert found.low < found.mean < found.high


def test_the_report_shows_curves_with_intervals() -> None:
    found = compared_rounds(
        planted_rows(0, planted=True), DEFAULT_SHARES, SETTINGS, seeds=range(2), price_a_label=1.0, value_a_point=1.0
    )
    page = html.unescape(rounds_report(found, model_name="line", num_train=800, num_test=800).html())
    assert page.count("<polygon") == 2
    assert page.count("<polyline") == 2
    assert found.verdict in page
    assert "not worth its price" in page


def test_an_accuracy_that_is_not_reached_shows_no_saving_and_refutes_one_only_where_no_resample_has_one() -> None:
    sizes = (10, 20, 30, 40)
    at_random = np.tile([0.5, 0.6, 0.7, 0.8], (6, 1))
    worse = at_random - 0.1
    unclear = at_random + np.array([0.05, -0.06, 0.05, -0.06, 0.05, -0.06])[:, None] * np.array([0, 1, 1, 1])
    told = []
    for chosen in (worse, unclear):
        ratio = label_ratio(sizes, chosen, at_random)
        found = RoundsComparison(
            shares=DEFAULT_SHARES,
            sizes=sizes,
            chosen=chosen,
            at_random=at_random,
            ratio=ratio,
            next_batch=next_batch(expected_gain(sizes, chosen, 10), 10, price_a_label=None, value_a_point=None),
        )
        assert ratio.ratio == math.inf
        told.append(found.verdict)
        assert "not reached" in rounds_report(found, model_name="line", num_train=80, num_test=80).html()

    assert told[0].endswith("it saves no labels here.")
    assert told[1].endswith("that it saves labels is not shown.")


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="budget must be above the 40 labels"):
        RoundsSettings(start_labels=40, budget=40, batch=10)
    settings = RoundsSettings(start_labels=790, budget=900, batch=20)
    with pytest.raises(ValueError, match="more than the 790 labels of the start"):
        compared_rounds(planted_rows(0, planted=True), DEFAULT_SHARES, settings, seeds=[0])
