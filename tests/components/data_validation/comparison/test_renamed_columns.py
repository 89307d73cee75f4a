import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.comparison.renamed_columns import name_similarity, renamed_columns


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def matches(reference: dict, current: dict) -> dict[str, str]:
    found = renamed_columns(pa.table(reference), pa.table(current), gone=list(reference), new=list(current))
    return {pair.old: pair.new for pair in found}


def test_styles_of_writing_do_not_matter_to_a_name():
    assert name_similarity("trip_miles", "tripMiles") == 1.0
    assert name_similarity("trip_miles", "Miles Trip") == 1.0
    assert name_similarity("trip_miles", "miles") == 0.9
    assert name_similarity("fare", "company") < 0.5
    assert name_similarity("__", "--") == 0.0


def test_each_of_several_renamed_columns_finds_its_own(generator):
    def columns(names, rows):
        values = (
            generator.lognormal(size=rows),
            generator.normal(50, 9, rows),
            generator.choice(list("abcdefgh"), rows),
        )
        return dict(zip(names, values, strict=True))

    reference = columns(("trip_miles", "age", "company"), 1000)
    current = columns(("miles", "age_years", "company_name"), 800)
    assert matches(reference, current) == {"trip_miles": "miles", "age": "age_years", "company": "company_name"}


def test_the_distribution_alone_finds_a_column_of_many_values(generator):
    reference = {"fare": generator.lognormal(2.0, 0.5, 2000), "x1": generator.uniform(0, 1, 2000)}
    current = {"q7": generator.uniform(0, 1, 2000), "amount": generator.lognormal(2.0, 0.5, 2000)}
    assert matches(reference, current) == {"fare": "amount", "x1": "q7"}


def test_the_suggestion_says_why(generator):
    (pair,) = renamed_columns(
        pa.table({"trip_miles": generator.lognormal(size=1000)}),
        pa.table({"miles": generator.lognormal(size=1000)}),
        gone=["trip_miles"],
        new=["miles"],
    )
    assert pair.words == (
        "column 'trip_miles' is gone; 'miles' looks like it "
        "(their names are 90% alike and their values are distributed alike)"
    )
    assert 0.9 < pair.confidence <= 1.0


def test_a_changed_unit_on_top_of_a_new_name_is_matched(generator):
    miles = {"trip_miles": generator.lognormal(size=1000)}
    kilometres = generator.lognormal(size=1000) * 1.609344
    assert matches(miles, {"miles": kilometres}) == {"trip_miles": "miles"}
    assert matches(miles, {"trip_km": kilometres}) == {"trip_miles": "trip_km"}


def test_a_known_factor_between_unrelated_names_is_no_match(generator):
    amounts = generator.lognormal(size=(2, 1000))
    assert matches({"fare": amounts[0]}, {"humidity": amounts[1] * 1000}) == {}


def test_names_that_are_alike_by_letters_need_values_that_agree(generator):
    south, east = generator.normal(-33.0, 0.1, 1000), generator.normal(151.0, 0.1, 1000)
    assert matches({"pickup_latitude": south}, {"pickup_longitude": east}) == {}
    assert matches({"pickup_latitude": south}, {"pickup_lattitude": east}) == {"pickup_latitude": "pickup_lattitude"}


def test_a_drifted_column_under_a_longer_name_is_matched(generator):
    reference = {"miles": generator.lognormal(0.0, 1.0, 1000)}
    assert matches(reference, {"trip_miles": generator.normal(9.0, 1.0, 1000)}) == {"miles": "trip_miles"}


def test_unrelated_columns_do_not_match(generator):
    reference = {"fare": generator.lognormal(3.0, 0.3, 1000), "company": generator.choice(list("abcd"), 1000)}
    current = {"humidity": generator.uniform(0, 1, 1000), "weather": generator.choice(list("wxyz"), 1000)}
    assert matches(reference, current) == {}


def test_two_yes_or_no_columns_do_not_match_by_their_values_alone(generator):
    flags = [generator.integers(0, 2, 1000) for _ in range(2)]
    assert matches({"is_member": flags[0]}, {"used_coupon": flags[1]}) == {}
    assert matches({"is_member": flags[0]}, {"member": flags[1]}) == {"is_member": "member"}


def test_numbers_never_match_texts(generator):
    numbers = generator.integers(0, 100, 500)
    assert matches({"zip_code": numbers}, {"zipcode": [str(value) for value in numbers]}) == {}


def test_one_new_column_is_given_to_the_surest_of_two_candidates(generator):
    values = generator.lognormal(size=(3, 1000))
    reference = {"trip_miles": values[0], "total": values[1]}
    assert matches(reference, {"miles": values[2]}) == {"trip_miles": "miles"}


def test_the_order_of_rows_and_columns_does_not_matter(generator):
    reference = {"a": generator.normal(size=500), "b": generator.normal(9, 1, 500)}
    current = {"c": generator.normal(9, 1, 500), "d": generator.normal(size=500)}
    turned = {name: current[name][::-1] for name in reversed(list(current))}
    assert matches(reference, current) == matches(reference, turned) == {"a": "d", "b": "c"}


def test_columns_without_values_lists_and_empty_tables_are_left_alone():
    assert matches({"a": pa.nulls(100, pa.float64())}, {"z": pa.nulls(100, pa.float64())}) == {}
    assert matches({"items": pa.array([[1.0]] * 50)}, {"items_2": pa.array([[1.0]] * 50)}) == {}
    assert matches({"a": pa.array([], pa.string())}, {"z": pa.array([], pa.string())}) == {}
    assert renamed_columns(pa.table({"a": [1]}), pa.table({"b": [1]}), gone=[], new=["b"]) == ()
