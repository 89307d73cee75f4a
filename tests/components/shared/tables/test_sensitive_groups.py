"""Groups of people by columns that are called sensitive, and by every two of them."""

import numpy as np
import pyarrow as pa

from components.shared.tables.sensitive_groups import MAX_GROUPS, sensitive_groupings


def test_columns_come_alone_and_in_pairs_with_missing_values_as_a_group() -> None:
    columns = {"sex": pa.array(["f", "m", "f", "m"]), "race": pa.array(["a", None, "b", "a"])}
    sex, race, both = sensitive_groupings(columns)
    assert (sex.names, sex.numbers.tolist()) == (("sex = f", "sex = m"), [0, 1, 0, 1])
    assert set(race.names) == {"race = a", "race = b", "race is missing"}
    assert (both.columns, both.name) == (("sex", "race"), "sex and race")
    named = [both.names[number] for number in both.numbers.tolist()]
    assert named == [
        "sex = f and race = a",
        "sex = m and race is missing",
        "sex = f and race = b",
        "sex = m and race = a",
    ]


def test_numbers_are_cut_into_quarters() -> None:
    [age] = sensitive_groupings({"age": pa.array(np.arange(100.0))})
    assert np.bincount(age.numbers).tolist() == [25, 25, 25, 25]
    assert "age from 24.75 up to 49.5" in age.names


def test_a_column_of_one_value_is_no_grouping() -> None:
    assert sensitive_groupings({"sex": pa.array(["f", "f"]), "race": pa.array(["a", "b"])})[0].columns == ("race",)
    assert sensitive_groupings({"sex": pa.array([], pa.string())}) == []


def test_of_many_values_the_most_frequent_are_told_apart() -> None:
    values = [f"v{number}" for number in range(60)] + ["v59", "v58"]
    [grouping] = sensitive_groupings({"town": pa.array(values)})
    assert len(grouping.names) == MAX_GROUPS
    assert grouping.names[:2] == ("town = v58", "town = v59") or grouping.names[:2] == ("town = v59", "town = v58")
    assert grouping.num_left_out == 10


def test_values_of_personal_data_are_numbered_in_pairs_too() -> None:
    columns = {"name": pa.array(["kim", "lee", "kim"]), "sex": pa.array(["f", "m", "m"])}
    groupings = sensitive_groupings(columns, personal=["name"])
    assert not any("kim" in name for grouping in groupings for name in grouping.names)
    assert groupings[0].names == ("name: group 1 (personal data)", "name: group 2 (personal data)")
    assert "name: group 1 (personal data) and sex = f" in groupings[2].names
