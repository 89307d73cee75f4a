from dataclasses import replace
import math

import numpy as np
import pytest

from components.drift.binned import binned_category, binned_number
from components.drift.comparison import compare_features, DriftSettings
from components.drift.joint import joint_columns

QUICK = DriftSettings(num_permutations=200)


def mixed_features(num_rows, rng, *, shift=0.0, num_columns=20):
    features = []
    for i in range(num_columns):
        name = f"column {i}"
        if i % 4 == 3:
            codes = rng.geometric(0.3, (2, num_rows)).clip(max=12) - 1
            features.append(binned_category(name, codes[0], codes[1], [f"v{k}" for k in range(12)]))
        else:
            reference, current = rng.normal(size=(2, num_rows))
            features.append(binned_number(name, reference, current + shift * (i == 0)))
    return features


def first_order_series(num_rows, rng):
    series = np.zeros(num_rows)
    for i, innovation in enumerate(rng.normal(size=num_rows - 1), start=1):
        series[i] = 0.8 * series[i - 1] + innovation
    return series


def one_number(reference, current, **options):
    settings = options.pop("settings", QUICK)
    return compare_features([binned_number("x", reference, current)], settings=settings, **options).features["x"]


def test_a_half_deviation_shift_in_one_of_twenty_columns_is_found_there_only():
    comparison = compare_features(mixed_features(500, np.random.default_rng(0), shift=0.5))
    found = [name for name, feature in comparison.features.items() if feature.significant]
    assert found == ["column 0"]
    shifted = comparison.features["column 0"]
    assert shifted.material
    assert shifted.effect == "kolmogorov_smirnov"
    # 2 Phi(0.25) - 1
    assert shifted.effect_size == pytest.approx(0.197, abs=0.08)
    assert shifted.standardised_mean_difference == pytest.approx(0.5, abs=0.15)
    assert shifted.statistics[shifted.strongest].value > shifted.statistics[shifted.strongest].threshold
    assert comparison.num_blocks == (500, 500)


def test_runs_without_drift_alarm_about_as_often_as_stated():
    settings = DriftSettings(false_alarm_rate=0.2, num_permutations=199, min_sample=100)
    smallest = []
    for repeat in range(60):
        features = mixed_features(100, np.random.default_rng(repeat), num_columns=6)
        compared = compare_features(features, settings=replace(settings, seed=repeat)).features.values()
        smallest.append(min(min(feature.p_value, feature.missing.p_value) for feature in compared))
    # Binomial(60, 0.2) and (60, 0.5): both ends together have a chance below 0.2%.
    assert 3 <= sum(p_value <= 0.2 for p_value in smallest) <= 22
    assert 18 <= sum(p_value <= 0.5 for p_value in smallest) <= 42


def test_the_order_and_the_names_of_features_change_no_result():
    features = mixed_features(300, np.random.default_rng(1), shift=0.3, num_columns=8)
    renamed = [replace(feature, name=f"new {feature.name}") for feature in reversed(features)]
    before = compare_features(features, settings=QUICK).features
    after = compare_features(renamed, settings=QUICK).features
    for name, feature in before.items():
        assert after[f"new {name}"].p_value == feature.p_value
        assert after[f"new {name}"].statistics == feature.statistics


def test_the_same_seed_gives_the_same_result():
    features = mixed_features(3000, np.random.default_rng(2), num_columns=4)
    first, again, other = (
        compare_features(features, joint=joint_columns(features), settings=replace(QUICK, seed=seed))
        for seed in (1, 1, 2)
    )
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)


def test_a_series_without_drift_alarms_by_rows_and_not_by_runs():
    alarms = {False: 0, True: 0}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        reference, current = first_order_series(2000, rng), first_order_series(2000, rng)
        for ordered in alarms:
            alarms[ordered] += one_number(reference, current, ordered_in_time=ordered).significant
    assert alarms[False] >= 5
    assert alarms[True] <= 2


def test_a_shifted_series_still_alarms_by_runs():
    rng = np.random.default_rng(3)
    assert one_number(
        first_order_series(4000, rng), first_order_series(4000, rng) + 1.5, ordered_in_time=True
    ).significant


def test_runs_that_may_depend_on_each_other_are_said():
    rng = np.random.default_rng(4)
    feature = binned_number("x", rng.normal(size=400).cumsum(), rng.normal(size=400).cumsum())
    assert compare_features([feature], ordered_in_time=True, settings=QUICK).blocks_may_be_dependent
    steady = binned_number("x", rng.normal(size=400), rng.normal(size=400))
    assert not compare_features([steady], ordered_in_time=True, settings=QUICK).blocks_may_be_dependent


@pytest.mark.parametrize("num_columns", [2, 20])
def test_a_flipped_correlation_is_found_jointly_and_in_no_column(num_columns):
    rng = np.random.default_rng(5)
    reference, current = rng.normal(size=(2, 1000, num_columns))
    reference[:, 1] = 0.7 * reference[:, 0] + math.sqrt(0.51) * reference[:, 1]
    current[:, 1] = -0.7 * current[:, 0] + math.sqrt(0.51) * current[:, 1]
    features = [binned_number(f"x{i}", reference[:, i], current[:, i]) for i in range(num_columns)]
    comparison = compare_features(features, joint=joint_columns(features), settings=QUICK)
    assert comparison.joint.significant
    assert comparison.joint.material
    assert comparison.joint.value > comparison.joint.threshold
    assert not any(feature.significant for feature in comparison.features.values())


def test_a_mean_shift_of_embeddings_is_found_and_their_noise_is_not():
    rng = np.random.default_rng(6)
    reference, current = rng.normal(size=(2, 500, 512))
    shifted = current + 0.15 * rng.normal(size=512)
    assert not compare_features([], joint=(reference, current), settings=QUICK).joint.significant
    found = compare_features([], joint=(reference, shifted), settings=QUICK).joint
    assert found.significant
    assert found.material
    assert found.strongest == "maximum_mean_discrepancy"


def test_below_the_minimum_sample_nothing_is_tested():
    rng = np.random.default_rng(7)
    features = mixed_features(199, rng, shift=3.0)
    comparison = compare_features(features, joint=joint_columns(features))
    assert comparison.insufficient
    assert comparison.joint is None
    for feature in comparison.features.values():
        assert feature.insufficient
        keys = feature.significant, feature.material, feature.missing_significant, feature.missing_material
        assert keys == (False, False, False, False)
        assert math.isnan(feature.p_value)
        assert math.isnan(feature.missing.p_value)
    assert comparison.features["column 0"].changed_bins


def test_a_side_without_rows_is_an_insufficient_sample():
    comparison = compare_features([binned_number("x", np.arange(500.0), np.array([]))])
    assert comparison.insufficient
    assert comparison.features["x"].changed_bins == ()


def test_a_feature_with_few_values_on_a_side_is_not_called_unchanged():
    current = np.full(300, np.nan)
    current[:20] = 9.0
    feature = one_number(np.arange(300.0), current)
    assert feature.insufficient
    assert math.isnan(feature.p_value)
    assert feature.statistics == {}
    assert not feature.significant
    assert feature.missing_significant
    assert feature.missing_material
    assert (feature.num_reference, feature.num_current) == (300, 20)


def test_a_column_missing_on_both_sides_is_insufficient_and_no_finding():
    feature = one_number(np.full(300, np.nan), np.full(300, np.nan))
    assert feature.insufficient
    assert not feature.missing_significant
    assert feature.missing.p_value == 1.0


def test_missing_values_that_came_are_found_apart_from_the_distribution():
    rng = np.random.default_rng(8)
    reference, current = rng.normal(size=(2, 1000))
    current[rng.random(1000) < 0.2] = np.nan
    feature = one_number(reference, current)
    assert feature.missing_significant
    assert feature.missing_material
    assert feature.missing.value == pytest.approx(0.2, abs=0.04)
    assert not feature.significant


def test_a_constant_on_both_sides_is_no_finding_and_another_constant_is():
    same = one_number(np.ones(300), np.ones(300))
    assert same.p_value == 1.0
    assert not same.insufficient
    changed = one_number(np.ones(300), np.full(300, 2.0))
    assert changed.significant
    assert changed.effect_size == 1.0
    assert [(moved.name, moved.reference_share, moved.current_share) for moved in changed.changed_bins] == [
        ("1", 1.0, 0.0),
        ("2", 0.0, 1.0),
    ]


def test_many_rows_make_a_small_change_significant_and_not_material():
    rng = np.random.default_rng(9)
    feature = one_number(rng.normal(size=50_000), rng.normal(0.05, 1, 50_000))
    assert feature.significant
    assert not feature.material


def test_a_category_that_doubled_is_found_and_named_first():
    names = ["card", "cash", "voucher"]
    rng = np.random.default_rng(10)
    reference, current = rng.choice(3, 1000, p=[0.6, 0.3, 0.1]), rng.choice(3, 1000, p=[0.3, 0.6, 0.1])
    comparison = compare_features([binned_category("payment", reference, current, names)], settings=QUICK)
    feature = comparison.features["payment"]
    assert feature.significant
    assert feature.effect == "total_variation_above_chance"
    assert feature.effect_size == pytest.approx(0.3, abs=0.05)
    assert {changed.name for changed in feature.changed_bins[:2]} == {"card", "cash"}
    assert set(feature.statistics) == {"chi_squared", "l_infinity", "jensen_shannon_divergence"}
    assert math.isnan(feature.standardised_mean_difference)


def test_what_chance_alone_moves_is_no_effect_of_a_wide_category():
    rng = np.random.default_rng(11)
    codes = rng.integers(0, 50, (2, 250))
    feature = binned_category("c", codes[0], codes[1], [f"v{i}" for i in range(50)])
    found = compare_features([feature], settings=QUICK).features["c"]
    counts = [np.bincount(side, minlength=50) for side in codes]
    assert np.abs(counts[0] - counts[1]).sum() / 500 > 0.15
    assert found.effect_size < 0.05
    assert not found.material


def test_the_two_sides_are_treated_alike():
    rng = np.random.default_rng(12)
    reference, current = rng.normal(size=1000), rng.normal(0.4, 1, 1000)
    one, other = one_number(reference, current), one_number(current, reference)
    assert one.effect_size == pytest.approx(other.effect_size)
    assert one.significant
    assert other.significant
    assert one.standardised_mean_difference == pytest.approx(-other.standardised_mean_difference)


def test_features_that_do_not_belong_together_are_refused():
    first, second = binned_number("x", np.ones(300), np.ones(300)), binned_number("y", np.ones(301), np.ones(300))
    with pytest.raises(ValueError, match="all features must be of the same rows"):
        compare_features([first, second])
    with pytest.raises(ValueError, match="'x' more than once"):
        compare_features([first, first])
    with pytest.raises(ValueError, match="at least one feature to compare"):
        compare_features([])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"false_alarm_rate": 1.0}, "false_alarm_rate must be a number above 0 and below 1, got 1.0"),
        ({"material_joint": 1.5}, "material_joint must be a number from 0 to 1, got 1.5"),
        ({"min_sample": 15}, "min_sample must be a whole number of at least 16, got 15"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"false_alarm_rate": 0.01, "num_permutations": 98}, "num_permutations must be at least 99"),
    ],
)
def test_settings_that_cannot_hold_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        DriftSettings(**wrong)


@pytest.mark.parametrize(("smallest", "material"), [(0.08, True), (0.9, False)])
def test_settings_decide_what_is_material(smallest, material):
    settings = replace(QUICK, material_effect=smallest, material_joint=smallest)
    features = mixed_features(500, np.random.default_rng(0), shift=0.5)
    shifted = compare_features(features, settings=settings).features["column 0"]
    assert shifted.significant
    assert shifted.material is material
