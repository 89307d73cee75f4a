import pytest

from components.mock_data.column_rules import check_num_rows, column_rules, ColumnRule


def rule_of(schema_of, feature: str) -> ColumnRule:
    return column_rules(schema_of(feature), "TRAINING")["x"]


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("type: INT", ColumnRule(name="x", stored="int64", content="whole")),
        (
            "type: INT int_domain { min: 1 max: 9 is_categorical: true }",
            ColumnRule(name="x", stored="int64", content="whole", low=1, high=9),
        ),
        ("type: INT bool_domain {}", ColumnRule(name="x", stored="int64", content="whole", low=0, high=1)),
        (
            "type: FLOAT float_domain { min: -1.5 }",
            ColumnRule(name="x", stored="float64", content="number", low=-1.5),
        ),
        ("type: FLOAT bool_domain {}", ColumnRule(name="x", stored="float64", content="whole", low=0, high=1)),
        (
            'type: BYTES bool_domain { true_value: "true" false_value: "false" }',
            ColumnRule(name="x", values=("false", "true")),
        ),
        ('type: BYTES string_domain { value: "b" value: "" value: "a" }', ColumnRule(name="x", values=("b", "a"))),
        ("type: BYTES int_domain { min: 5 }", ColumnRule(name="x", content="whole", low=5)),
        (
            "type: BYTES presence { min_fraction: 0.5 min_count: 7 }",
            ColumnRule(name="x", min_present_share=0.5, min_present=7),
        ),
        ("type: BYTES shape { dim { size: 1 } }", ColumnRule(name="x", min_present_share=1.0)),
        ("type: BYTES value_count { min: 1 max: 1 }", ColumnRule(name="x")),
        ("type: BYTES value_count { min: 0 max: 0 }", ColumnRule(name="x", is_empty=True)),
        ("type: BYTES unique_constraints { min: 2 max: 4 }", ColumnRule(name="x", min_distinct=2, max_distinct=4)),
    ],
)
def test_a_feature_becomes_the_rule_that_it_states(schema_of, feature, expected):
    assert rule_of(schema_of, f'feature {{ name: "x" {feature} }}') == expected


@pytest.mark.parametrize(
    ("feature", "sentence"),
    [
        ("type: STRUCT", "must be INT, FLOAT or BYTES"),
        ("type: BYTES image_domain {}", "got BYTES with image_domain"),
        ("type: INT value_count { min: 2 }", "must hold one value a row, but its schema wants 2 or more"),
        ("type: INT int_domain { min: 3 max: 2 }", "must have a minimum up to its maximum, got 3 and 2"),
        ('type: BYTES domain: "nowhere"', "must name a string_domain of the schema, got 'nowhere'"),
        ("type: BYTES string_domain {}", "must have a domain with a value"),
        ("type: INT presence { min_fraction: 1.5 }", "between 0 and 1, got 1.5"),
        ("type: INT value_count { max: 0 } presence { min_count: 1 }", "either have values or be empty"),
    ],
)
def test_what_no_column_can_be_is_one_sentence(schema_of, feature, sentence):
    with pytest.raises(ValueError, match="column 'x'") as error:
        rule_of(schema_of, f'feature {{ name: "x" {feature} }}')
    assert sentence in str(error.value)


def test_an_environment_has_only_the_columns_that_are_expected_in_it(schema_of):
    schema = schema_of('feature { name: "x" type: INT } feature { name: "old" type: INT lifecycle_stage: DEPRECATED }')
    assert set(column_rules(schema, "TRAINING")) == {"x", "label"}
    assert set(column_rules(schema, "SERVING")) == {"x"}
    assert set(column_rules(schema, None)) == {"x", "label"}
    with pytest.raises(ValueError, match=r"one of the schema's \(TRAINING, SERVING\), got 'LATER'"):
        column_rules(schema, "LATER")


def test_the_number_of_rows_must_be_what_the_schema_wants(schema_of):
    schema = schema_of("dataset_constraints { min_examples_count: 10 max_examples_count: 20 }")
    check_num_rows(schema, 10)
    for num_rows in (9, 21):
        with pytest.raises(ValueError, match=f"at least 10 and at most 20 .* got {num_rows}"):
            check_num_rows(schema, num_rows)


@pytest.mark.parametrize(
    ("share", "num_rows", "required"), [(0.95, 400, 380), (0.7, 10, 7), (1 / 3, 9, 3), (0.0, 5, 0)]
)
def test_required_rows_are_the_fewest_that_keep_the_share(share, num_rows, required):
    rule = ColumnRule(name="x", min_present_share=share)
    assert rule.required_rows(num_rows) == required
    assert required / num_rows >= share


def test_whole_numbers_beyond_the_precision_of_floats_keep_to_their_bounds():
    rule = ColumnRule(name="x", stored="int64", content="whole", low=2**62 + 1, high=2**62 + 1)
    assert rule.within(float(2**62)) == 2**62 + 1


@pytest.mark.parametrize(
    ("bounds", "narrowed"),
    [
        ({}, (48, 96)),
        ({"low": 200}, (200, 400)),
        ({"high": 32}, (32, 32)),
        ({"low": 64, "high": 128}, (64, 128)),
        ({"low": 1, "high": 4000}, (1, 256)),
        ({"low": 1000, "high": 4000}, (1000, 2000)),
    ],
)
def test_a_narrowed_rule_has_two_bounds_and_no_size_without_need(bounds, narrowed):
    rule = ColumnRule(name="x", **bounds).narrowed(48, 96, widest=256)
    assert (rule.low, rule.high) == narrowed
