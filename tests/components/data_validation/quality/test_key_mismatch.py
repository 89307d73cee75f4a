from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.quality.key_mismatch import key_mismatches
from components.data_validation.quality.key_mismatch_findings import mismatch_findings
from components.data_validation.quality.keyed_rows import KeyedRows
from components.shared.contracts.verdict import Finding

KEYS = [f"trip-{row}" for row in range(1000)]


def collected(
    columns: dict, *, batch_rows: int = 300, max_keys: int = 100_000, keys: Iterable[str] = ("id",)
) -> KeyedRows:
    table = pa.table(columns)
    rows = KeyedRows(tuple(keys), [name for name in table.column_names if name not in keys], max_keys=max_keys)
    for batch in table.to_batches(max_chunksize=batch_rows):
        rows.add(batch)
    return rows


def findings_of(reference: dict, current: dict, **options) -> list[Finding]:
    return mismatch_findings(key_mismatches(collected(reference), collected(current)), **options)


def num_different(reference, current) -> int:
    keys = list(range(len(reference)))
    comparison = key_mismatches(collected({"id": keys, "x": reference}), collected({"id": keys, "x": current}))
    (feature,) = comparison.features
    return feature.num_different


def test_the_same_examples_in_another_order_have_no_finding():
    miles = np.random.default_rng(0).gamma(2.0, 2.0, 1000)
    turned = {"id": KEYS[::-1], "miles": miles[::-1]}
    assert findings_of({"id": KEYS, "miles": miles}, turned) == []


def test_a_feature_in_another_unit_blocks_with_its_share_and_examples():
    miles = np.random.default_rng(0).gamma(2.0, 2.0, 1000)
    served = np.where(np.arange(1000) < 50, miles * 1.609344, miles)
    reference = {"id": KEYS, "miles": miles, "company": ["a"] * 1000}
    (finding,) = findings_of(reference, {"id": KEYS, "miles": served, "company": ["a"] * 1000})
    assert (finding.kind, finding.name, finding.severity) == ("data_skew", "FEATURE_MISMATCH_BY_KEY", "blocking")
    assert (finding.column, finding.value, finding.num_reference) == ("miles", 0.05, 1000)
    assert "differs for 50 of the 1,000 examples" in finding.message
    assert "(trip-" in finding.message


def test_few_differences_are_a_note_and_few_examples_a_warning():
    def severity(rows: int, different: int) -> str:
        keys = list(range(rows))
        changed = ["b" if row < different else "a" for row in range(rows)]
        (finding,) = findings_of({"id": keys, "x": ["a"] * rows}, {"id": keys, "x": changed})
        return finding.severity

    assert severity(1000, 9) == "note"
    assert severity(1000, 10) == "blocking"
    assert severity(99, 50) == "warning"


def test_numbers_are_equal_within_the_tolerance_and_across_types():
    assert num_different([1.0, 2.0, 1e9], [1.0 + 5e-7, 2.0, 1e9 + 100]) == 0
    assert num_different([1.0, 2.0], [1.00001, 2.0]) == 1
    assert num_different([1, 2, 3], pa.array([1.0, 2.0, 3.5], pa.float32())) == 1
    assert num_different([1, 2, 3], ["1", "2.0", "three"]) == 1
    assert num_different([0.0, 0.0], [-0.0, 1e-12]) == 1
    assert num_different([np.inf, np.inf, -np.inf], [np.inf, -np.inf, 1.0]) == 2


def test_a_value_missing_on_one_side_differs_and_on_both_sides_does_not():
    assert num_different([1.0, None, np.nan, None], [None, 2.0, np.nan, np.nan]) == 2
    assert num_different(["a", None, None], [None, "b", None]) == 2
    assert num_different(pa.nulls(2), ["a", "b"]) == 2


def test_texts_dates_and_truth_values_are_compared_exactly():
    assert num_different(["Seoul", "Busan"], ["Seoul", "busan"]) == 1
    assert num_different([True, False], [True, True]) == 1
    days = pa.array([1, 2], pa.timestamp("us"))
    assert num_different(days, pa.array([1, 3], pa.timestamp("us"))) == 1
    encoded = pa.array(["a", "b"]).dictionary_encode()
    assert num_different(encoded, ["a", "c"]) == 1


def test_keys_that_repeat_with_equal_rows_count_once_and_with_different_rows_not_at_all():
    reference = {"id": [1, 1, 2, 2, 3], "x": [5, 5, 6, 7, 8]}
    comparison = key_mismatches(collected(reference), collected({"id": [1, 2, 3], "x": [5, 6, 9]}))
    assert comparison.num_common_keys == 2
    assert comparison.num_repeated_keys == (1, 0)
    (finding,) = mismatch_findings(comparison)
    assert finding.value == 0.5
    assert "left out: 1 of the reference and 0 of the current side" in finding.message


def test_only_examples_on_both_sides_are_compared():
    comparison = key_mismatches(
        collected({"id": [1, 2, 3], "x": [1, 2, 3]}), collected({"id": [3, 4, 5], "x": [3, 9, 9]})
    )
    assert comparison.num_common_keys == 1
    assert mismatch_findings(comparison) == []


def test_no_common_key_is_a_note_that_says_what_to_check():
    for current in ({"id": ["1", "2"], "x": [1, 2]}, {"id": pa.nulls(2, pa.int64()), "x": [1, 2]}):
        (finding,) = findings_of({"id": [1, 2], "x": [1, 2]}, current)
        assert (finding.name, finding.severity) == ("NO_COMMON_KEYS", "note")
        assert "written alike" in finding.remedy


def test_rows_without_a_key_are_passed_over():
    keys = [None, 2.0, np.nan, 4.0]
    comparison = key_mismatches(collected({"id": keys, "x": [1, 2, 3, 4]}), collected({"id": [2, 4], "x": [2, 4]}))
    assert (comparison.num_common_keys, comparison.num_repeated_keys) == (2, (0, 0))


def test_a_key_of_two_columns_tells_examples_apart():
    reference = {"user": [1, 1, 2], "day": ["a", "b", "a"], "x": [1, 2, 3]}
    current = {"user": [1, 1, 2], "day": ["b", "a", "b"], "x": [2, 1, 9]}
    keys = ("user", "day")
    comparison = key_mismatches(collected(reference, keys=keys), collected(current, keys=keys))
    assert comparison.num_common_keys == 2
    assert [feature.num_different for feature in comparison.features] == [0]


def test_masked_values_and_keys_are_never_shown():
    reference = {"id": ["secret-key"] * 1, "phone": ["010-1111"], "x": ["old"]}
    current = {"id": ["secret-key"] * 1, "phone": ["010-2222"], "x": ["new"]}
    by_column = {finding.column: finding for finding in findings_of(reference, current, masked=["phone"])}
    assert "010" not in str(by_column["phone"])
    assert "secret-key: 'old' against 'new'" in by_column["x"].message
    assert "secret" not in str(findings_of(reference, current, masked=["id"]))


def test_bounded_collectors_of_unequal_tables_keep_the_same_keys():
    generator = np.random.default_rng(0)
    many, few = generator.permutation(50_000), generator.permutation(50_000)[:20_000]
    reference = collected({"id": many, "x": many}, max_keys=1000, batch_rows=4096)
    current = collected({"id": few, "x": np.where(few % 10 == 0, -1, few)}, max_keys=1000, batch_rows=777)
    comparison = key_mismatches(reference, current)
    # The 1,000 smallest of 50,000 keys; of these the 40% that the other side has are all kept there.
    assert 340 <= comparison.num_common_keys <= 460
    (finding,) = mismatch_findings(comparison)
    assert 0.05 < finding.value < 0.16


def test_what_is_kept_depends_neither_on_batches_nor_on_merging():
    generator = np.random.default_rng(1)
    ids = generator.integers(0, 3000, 20_000)
    table = {"id": ids, "x": np.where(ids % 50 == 0, generator.integers(0, 9, 20_000), ids)}
    whole = collected(table, max_keys=500, batch_rows=20_000).kept()
    merged = collected({name: column[:7000] for name, column in table.items()}, max_keys=500, batch_rows=611)
    merged.merge(collected({name: column[7000:] for name, column in table.items()}, max_keys=500, batch_rows=1500))
    again = merged.kept()
    assert whole.num_repeated_keys == again.num_repeated_keys > 0
    assert whole.rows.equals(again.rows)
    np.testing.assert_array_equal(whole.key_hashes, again.key_hashes)


def test_empty_and_unlike_collectors_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        KeyedRows([], ["x"])
    with pytest.raises(ValueError, match="max_keys must be at least 1"):
        KeyedRows(["id"], ["x"], max_keys=0)
    one, other = KeyedRows(["id"], ["x"]), KeyedRows(["id"], ["x"], max_keys=5)
    with pytest.raises(ValueError, match="same keys and max_keys"):
        key_mismatches(one, other)
    with pytest.raises(ValueError, match="must agree"):
        one.merge(other)
