import pytest

from components.data_validation.schemas.materiality import (
    Materiality,
    missing_severity,
    share_change_chance,
    unseen_chance,
    unseen_severity,
)

DEFAULT = Materiality()


def test_one_row_falls_into_the_current_split_as_often_as_its_share_says():
    assert unseen_chance(1, num_reference=70, num_current=30) == pytest.approx(0.3)


def test_the_chance_of_several_rows_is_drawn_without_replacement():
    assert unseen_chance(2, num_reference=2, num_current=2) == pytest.approx(2 / 4 * 1 / 3)
    assert unseen_chance(5000, num_reference=5000, num_current=5000) == 0.0


def test_more_rows_than_the_split_has_are_refused():
    with pytest.raises(ValueError, match="count must be at most num_current, got 4 of 3"):
        unseen_chance(4, num_reference=10, num_current=3)


def test_equal_shares_are_no_change_and_opposite_ones_are_certain():
    assert share_change_chance(10, 100, 10, 100) == pytest.approx(1.0)
    assert share_change_chance(0, 100, 0, 50) == 1.0
    assert share_change_chance(0, 1000, 1000, 1000) < 1e-100


def test_the_change_of_a_share_agrees_with_scipys_corrected_chi_squared_test():
    # scipy.stats.chi2_contingency([[15, 85], [30, 70]]).pvalue
    assert share_change_chance(15, 100, 30, 100) == pytest.approx(0.01775592261403611)


@pytest.mark.parametrize(
    ("share", "chance", "role", "whole_groups", "expected"),
    [
        (0.002, 1.0, "label", False, "blocking"),
        (0.05, 1e-6, "feature", False, "blocking"),
        (0.05, 1e-6, "feature", True, "warning"),
        (0.005, 1e-6, "feature", False, "note"),
        (0.05, 0.2, "feature", False, "note"),
        (0.05, 1e-6, "derived", False, "warning"),
        (0.15, 1e-6, "derived", False, "blocking"),
    ],
)
def test_unseen_values_block_when_they_are_many_and_no_chance(share, chance, role, whole_groups, expected):
    assert unseen_severity(share, chance, role=role, whole_groups=whole_groups, materiality=DEFAULT) == expected


@pytest.mark.parametrize(
    ("change", "chance", "role", "whole_groups", "expected"),
    [
        (0.5, 1e-6, "feature", False, "blocking"),
        (0.5, 1e-6, "feature", True, "warning"),
        (0.5, 1e-6, "label", False, "warning"),
        (0.1, 1e-6, "feature", False, "warning"),
        (0.01, 1e-6, "feature", False, "note"),
        (0.5, 0.3, "feature", False, "note"),
    ],
)
def test_missing_values_block_when_many_more_of_a_feature_are_missing(change, chance, role, whole_groups, expected):
    assert missing_severity(change, chance, role=role, whole_groups=whole_groups, materiality=DEFAULT) == expected


@pytest.mark.parametrize("wrong", [{"unseen_share": 0.0}, {"false_alarm_rate": 1.5}, {"imbalance_ratio": 1.0}])
def test_thresholds_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        Materiality(**wrong)
