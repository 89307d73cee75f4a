"""Categories as whole numbers."""

import pyarrow as pa

from components.modeling.tabular.category_codes import CategoryCodes, ValueCounts


def counted(values, **settings):
    counts = ValueCounts(**settings)
    for start in range(0, len(values), 7):
        counts.add(pa.array(values[start : start + 7], pa.string()))
    return counts


def test_values_are_counted_over_batches_missing_ones_too():
    counts = counted(["a"] * 10 + [None] * 4 + ["b"])
    assert counts.counts == {"a": 10, None: 4, "b": 1}
    assert counts.num_rows == 15


def test_the_most_frequent_come_first_and_rare_ones_do_not_come():
    counts = counted(["rare"] + ["often"] * 9 + ["sometimes"] * 5 + [None] * 6)
    assert counts.frequent(min_rows=5) == ("often", None, "sometimes")
    assert counts.frequent(min_rows=5, at_most=1) == ("often",)


def test_the_order_of_ties_does_not_depend_on_the_order_of_rows():
    names = [f"v{number}" for number in range(50)] * 5
    assert counted(names).frequent() == counted(names[::-1]).frequent()


def test_a_frequent_value_is_found_among_any_number_of_identifiers():
    values = []
    for number in range(5000):
        values += [f"id {number}", "frequent"]
    counts = counted(values, max_counted=100)
    assert counts.frequent() == ("frequent",)
    assert counts.counts["frequent"] == 5000
    assert len(counts.counts) <= 107
    assert counts.num_rows == 10_000


def test_a_value_without_a_code_of_its_own_is_0():
    codes = CategoryCodes(["a", None])
    assert codes.codes(pa.array(["a", None, "never seen", "", "a"])).tolist() == [1, 2, 0, 0, 1]


def test_a_missing_value_is_0_where_training_lacked_none():
    assert CategoryCodes(["a"]).codes(pa.array([None, "a"], pa.string())).tolist() == [0, 1]


def test_no_rows_have_no_codes():
    assert CategoryCodes(["a"]).codes(pa.array([], pa.string())).shape == (0,)


def test_a_part_of_an_array_is_coded_by_its_own_values():
    assert CategoryCodes(["a", "b"]).codes(pa.array(["a", "b", "b"]).slice(1, 2)).tolist() == [2, 2]
