import numpy as np

from components.data_validation.comparison.sample_distance import kolmogorov_smirnov_chance, kolmogorov_smirnov_distance


def test_the_distance_of_hand_made_samples():
    assert kolmogorov_smirnov_distance(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) == 0.0
    assert kolmogorov_smirnov_distance(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    # Half of the one side, and none of the other, lies below 2.
    assert kolmogorov_smirnov_distance(np.array([1.0, 2.0]), np.array([2.0, 2.0])) == 0.5
    assert np.isnan(kolmogorov_smirnov_distance(np.array([]), np.array([1.0])))


def test_five_of_a_hundred_pairs_of_one_source_are_further_apart_than_chance():
    generator = np.random.default_rng(0)
    bound = kolmogorov_smirnov_chance(400, 300)
    pairs = [(generator.normal(size=400), generator.normal(size=300)) for _ in range(400)]
    share = np.mean([kolmogorov_smirnov_distance(one, other) > bound for one, other in pairs])
    # Three standard errors about 5%.
    assert 0.017 <= share <= 0.083
