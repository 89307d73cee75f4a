"""The learning rate: up in a line, down in a cosine."""

from itertools import pairwise

import pytest

from components.training.trainer.schedule import learning_rate_share


def test_it_rises_to_the_peak_and_falls_to_nothing():
    shares = [learning_rate_share(step, num_steps=110, warm_up_share=0.1) for step in range(111)]
    assert shares[:11] == pytest.approx([(step + 1) / 11 for step in range(11)])
    assert shares[11] == 1.0
    assert shares[11 + 99 // 2] == pytest.approx(0.5, abs=0.02)
    assert shares[110] == pytest.approx(0.0, abs=1e-12)
    assert all(later <= earlier for earlier, later in pairwise(shares[11:]))


def test_a_run_of_one_step_takes_the_whole_rate():
    assert learning_rate_share(0, num_steps=1, warm_up_share=0.05) == 1.0
