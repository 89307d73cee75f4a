"""A temperature from few labels stays near 1; from many it is the one that the labels say."""

import math

import numpy as np
import pytest

from components.active_learning.pseudo_labels.calibration import (
    calibration_of,
    class_thresholds,
    fitted_temperature,
    tempered,
)


def _too_sure(num_rows: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right once their logarithms are divided by `temperature`, and labels drawn from those."""
    rng = np.random.default_rng(seed)
    honest = rng.dirichlet([1.0, 1.0, 1.0], num_rows)
    labels = np.array([rng.choice(3, p=row) for row in honest])
    return tempered(honest, 1.0 / temperature), labels


def test_the_temperature_of_a_model_that_is_too_sure_is_found() -> None:
    answers, labels = _too_sure(1_500, 3.0)
    temperature = fitted_temperature(answers, labels)
    after = calibration_of(tempered(answers, temperature), labels)

    assert temperature == pytest.approx(3.0, rel=0.15)
    assert after.log_loss < calibration_of(answers, labels).log_loss
    assert after.mean_confidence == pytest.approx(after.accuracy, abs=0.05)


def test_without_labels_the_temperature_is_one_and_three_labels_move_it_little() -> None:
    answers, labels = _too_sure(3, 8.0)

    assert fitted_temperature(answers[:0], labels[:0]) == 1.0
    assert 0.4 < fitted_temperature(answers, labels) < 3.0
    assert math.isnan(calibration_of(answers[:0], labels[:0]).accuracy)


def test_a_temperature_changes_no_order() -> None:
    answers, _ = _too_sure(50, 2.0)

    assert (tempered(answers, 5.0).argmax(axis=1) == answers.argmax(axis=1)).all()
    assert tempered(answers, 1.0) == pytest.approx(answers)


def test_a_class_that_is_often_wrong_takes_more_than_the_usual_sureness() -> None:
    sureness = np.linspace(0.5, 1.0, 101)[:-1]
    held_out = np.stack([sureness, 1.0 - sureness], axis=1)
    labels = np.where(sureness >= 0.85, 0, np.arange(100) % 2)
    usual, never = (
        class_thresholds(held_out, held_out[:0], labels[:0]),
        class_thresholds(held_out, held_out, 1 - 0 * labels),
    )

    assert usual[0] == pytest.approx(0.7475)
    assert class_thresholds(held_out, held_out, labels)[0] >= usual[0]
    assert math.isinf(never[0])
    assert usual[1] == 1.0
