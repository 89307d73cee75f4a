"""Seeds and draws by hash: known answers, and numbers that look independent."""

import numpy as np
import pytest

from components.modeling.augmentation.example_seeds import example_seed, example_seeds, mixed, uniforms
from components.modeling.augmentation.random_generators import SeededRandom


def test_the_hash_gives_the_published_numbers_of_splitmix64():
    # The first outputs of the reference implementation for the seed 1234567.
    gamma = 0x9E3779B97F4A7C15
    states = [1234567 + number * gamma for number in range(3)]
    assert [mixed(state) for state in states] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_seeds_of_many_rows_are_those_of_each():
    rows = np.array([0, 1, 7, 123_456, 2**40])
    seeds = example_seeds(seed=2**31, epoch=4, rows=rows)
    assert seeds.dtype == np.uint32
    assert seeds.tolist() == [example_seed(seed=2**31, epoch=4, row=row) for row in rows.tolist()]


def test_seeds_of_neighbouring_rows_epochs_and_runs_differ():
    seeds = {
        seed
        for run in range(3)
        for epoch in range(10)
        for seed in example_seeds(seed=run, epoch=epoch, rows=np.arange(1000)).tolist()
    }
    assert len(seeds) > 30_000 - 5  # two of 30,000 numbers of 32 bits are the same every tenth time


def test_draws_do_not_depend_on_what_else_is_drawn():
    together = uniforms(np.arange(10), stream=2, num_draws=4)
    np.testing.assert_array_equal(together[3:4], uniforms(np.array([3]), stream=2, num_draws=4))
    np.testing.assert_array_equal(together[:, :2], uniforms(np.arange(10), stream=2, num_draws=2))


def test_draws_are_uniform_and_independent():
    draws = np.concatenate([uniforms(np.arange(20_000), stream=stream, num_draws=3) for stream in range(2)], axis=1)
    assert draws.min() >= 0
    assert draws.max() < 1
    np.testing.assert_allclose(draws.mean(axis=0), 0.5, atol=0.01)
    np.testing.assert_allclose(draws.std(axis=0), 12**-0.5, atol=0.01)
    correlations = np.corrcoef(draws.T) - np.eye(6)
    assert np.abs(correlations).max() < 0.03


@pytest.mark.parametrize("drawn_before", [0, 1, 7])
def test_a_reseeded_generator_forgets_what_was_drawn(drawn_before):
    def drawn(random):
        numbers = [random.gauss(), random.random(), random.randint(0, 9), random.choice("abc"), random.getrandbits(70)]
        return [*numbers, random.generator.normal(), int(random.generator.integers(9, dtype=np.uint32))]

    used, fresh = SeededRandom(), SeededRandom()
    used.reseed(8)
    for _ in range(drawn_before):
        drawn(used)
    used.gauss()
    used.generator.integers(9, dtype=np.uint32)
    for random in (used, fresh):
        random.reseed(2**32 - 1)
    assert drawn(used) == drawn(fresh)


def test_first_numbers_of_neighbouring_seeds_are_uniform():
    random, firsts, bits = SeededRandom(), [], []
    for seed in range(10_000):
        random.reseed(seed)
        firsts.append(random.random())
        bits.append(random.getrandbits(3))
    assert np.abs(np.histogram(firsts, bins=10, range=(0, 1))[0] - 1000).max() < 120
    assert np.abs(np.bincount(bits, minlength=8) - 1250).max() < 140
