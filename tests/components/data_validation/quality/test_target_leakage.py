import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.quality.single_feature_accuracy import single_feature_accuracy
from components.data_validation.quality.target_leakage import target_leakage_findings
from components.shared.contracts.verdict import Finding


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def findings_of(values, label) -> list[Finding]:
    return target_leakage_findings(pa.table({"feature": pa.array(values)}), pa.array(label), columns=["feature"])


def severities_of(values, label) -> list[str]:
    return [finding.severity for finding in findings_of(values, label)]


def binary(generator: np.random.Generator, rows: int = 2000, share: float = 0.5) -> np.ndarray:
    return (generator.random(rows) < share).astype(int)


def flipped(label: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    return np.where(generator.random(len(label)) < share, 1 - label, label)


def test_a_copy_of_the_label_gives_it_away(generator):
    label = binary(generator)
    (finding,) = findings_of(label, label)
    assert (finding.kind, finding.name, finding.column) == ("quality", "FEATURE_GIVES_LABEL_AWAY", "feature")
    assert finding.severity == "blocking"
    assert finding.value == finding.effect_size == 1.0


def test_a_copy_under_other_names_gives_it_away_and_says_which_means_which(generator):
    label = binary(generator, share=0.3)
    (finding,) = findings_of(np.where(label == 1, "paid", "owed").tolist(), label)
    assert finding.severity == "blocking"
    assert "'owed' means '0', 'paid' means '1'" in finding.message


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_a_copy_with_one_percent_of_noise_gives_it_away(generator, share):
    label = binary(generator, rows=5000, share=share)
    assert severities_of(flipped(label, 0.01, generator), label) == ["blocking"]


def test_a_number_whose_threshold_is_the_label_gives_it_away(generator):
    tips = generator.gamma(2.0, 1.5, 3000)
    (finding,) = findings_of(tips, np.where(tips > 2.5, "generous", "mean"))
    assert finding.severity == "blocking"
    assert "above 2.5 means 'generous'" in finding.message


def test_a_value_that_is_present_for_one_class_only_gives_it_away(generator):
    label = binary(generator, share=0.2)
    numbers = np.where(label == 1, generator.normal(size=2000), np.nan)
    texts = [f"note {generator.integers(10**9)}" if one else None for one in label]
    repeated = ["refund" if one else None for one in label]
    assert severities_of(numbers, label) == ["blocking"]
    assert severities_of(repeated, label) == ["blocking"]
    assert severities_of(texts, label) == ["blocking"]
    assert severities_of([row if one else None for row, one in enumerate(label)], label) == ["blocking"]


def test_codes_out_of_order_give_several_classes_away(generator):
    label = generator.integers(0, 5, 3000)
    assert severities_of(np.array([30, 7, 99, 1, 50])[label], label) == ["blocking"]


def test_an_honest_strong_feature_is_at_most_a_note(generator):
    for rows in (100, 300, 1000, 10_000):
        label = binary(generator, rows=rows)
        assert "blocking" not in severities_of(flipped(label, 0.05, generator), label)


def test_two_overlapping_normals_are_no_finding(generator):
    label = binary(generator)
    assert severities_of(generator.normal(label * 2.0), label) == []


def test_features_without_relation_to_the_label_are_no_finding_however_rare_a_class_is(generator):
    for share in (0.5, 0.1, 0.01):
        label = binary(generator, share=share)
        assert severities_of(generator.normal(size=2000), label) == []
        assert severities_of(generator.choice(list("abcdefgh"), 2000).tolist(), label) == []


def test_identifiers_are_no_finding_even_where_rows_are_sorted_by_class(generator):
    label = np.sort(binary(generator))
    assert severities_of([f"row-{row}" for row in range(2000)], label) == []
    assert severities_of(np.arange(2000), label) == []
    assert severities_of(np.arange(2000) * 17.0, label) == []


def test_a_copy_in_too_few_rows_is_a_note(generator):
    label = np.tile([0, 1], 20)
    assert severities_of(label, label) == ["note"]


def test_rows_without_a_label_take_no_part(generator):
    label = binary(generator)
    with_gaps = pa.array([None if row % 4 == 0 else int(one) for row, one in enumerate(label)])
    table = pa.table({"feature": np.where(np.arange(2000) % 4 == 0, generator.integers(0, 2, 2000), label)})
    (finding,) = target_leakage_findings(table, with_gaps, columns=["feature"])
    assert (finding.severity, finding.num_current) == ("blocking", 1500)


def test_one_class_or_no_label_at_all_is_no_finding():
    assert findings_of([1, 1, 2, 2], [0, 0, 0, 0]) == []
    assert target_leakage_findings(pa.table({"x": [1, 2]}), pa.array([None, None], pa.string()), columns=["x"]) == []


def test_infinite_values_and_empty_columns_do_not_disturb(generator):
    label = binary(generator)
    infinite = np.where(label == 1, np.inf, -np.inf)
    table = pa.table({"infinite": infinite, "empty": pa.nulls(2000, pa.float64()), "nothing": pa.nulls(2000)})
    (finding,) = target_leakage_findings(table, pa.array(label), columns=table.column_names)
    assert (finding.column, finding.severity) == ("infinite", "blocking")


def test_dates_truth_values_and_encoded_columns_are_looked_at(generator):
    label = binary(generator)
    days = pa.array(label * 400 + generator.integers(0, 300, 2000), pa.int32()).cast(pa.date32())
    encoded = pa.array(np.where(label == 1, "yes", "no").tolist()).dictionary_encode()
    table = pa.table(
        {"days": days, "flags": label == 1, "texts": encoded, "codes": pa.array(label).dictionary_encode()}
    )
    findings = target_leakage_findings(table, pa.array(label), columns=table.column_names)
    assert {finding.column: finding.severity for finding in findings} == dict.fromkeys(table.column_names, "blocking")


def test_a_column_of_lists_is_passed_over():
    table = pa.table({"vectors": [[0.0], [1.0]] * 100})
    assert target_leakage_findings(table, pa.array([0, 1] * 100), columns=["vectors"]) == []


def test_the_best_predictor_comes_first(generator):
    label = binary(generator, rows=5000)
    table = pa.table({"noisy": flipped(label, 0.01, generator), "exact": label})
    findings = target_leakage_findings(table, pa.array(label), columns=["noisy", "exact"])
    assert [finding.column for finding in findings] == ["exact", "noisy"]


def test_single_feature_accuracy_of_a_hand_counted_example():
    feature = np.array(["a", "b"] * 50, dtype=object)
    label = np.tile([0, 1], 50)
    label[:2] = 1 - label[:2]
    result = single_feature_accuracy(feature, label)
    assert result.accuracy == pytest.approx(0.98)
    assert result.majority_share == 0.5
    assert result.avoided == pytest.approx(0.96)
    # Wilson's lower end for 98 of 100: (0.98 + 0.01353 - 1.645 x 0.016237) / 1.02706.
    assert result.accuracy_bound == pytest.approx(0.94134, abs=5e-5)


def test_a_label_of_another_length_is_refused():
    with pytest.raises(ValueError, match="one value a row, got 1 for 2 rows"):
        target_leakage_findings(pa.table({"x": [1, 2]}), pa.array([1]), columns=["x"])
