import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.schemas.schema_inference import schema_text, training_schema, without_values
from components.data_validation.statistics.quiet_tfdv import tfdv
from components.data_validation.statistics.streaming_statistics import StatisticsAccumulator
from components.data_validation.tables.arrow_lists import as_value_lists, ExaminedColumn, MASKED


def schema_of(columns: dict[str, list], kinds: dict[str, str]) -> schema_pb2.Schema:
    batch = pa.RecordBatch.from_arrays([pa.array(values) for values in columns.values()], list(columns))
    accumulator = StatisticsAccumulator()
    examined = [ExaminedColumn(name=name, role="feature", kind=kinds[name]) for name in columns]
    accumulator.add(as_value_lists(batch, examined))
    masked = [name for name, kind in kinds.items() if kind == "masked"]
    return training_schema(accumulator.statistics(name="train"), masked=masked)


def test_types_presence_and_domains_are_inferred():
    schema = schema_of(
        {"age": [1, 2, 3], "price": [1.0, None, 2.0], "shop": ["a", "b", "a"]},
        {"age": "integer", "price": "float", "shop": "category"},
    )
    features = {feature.name: feature for feature in schema.feature}
    assert features["age"].type == schema_pb2.INT
    assert features["age"].presence.min_fraction == 1.0
    assert features["price"].type == schema_pb2.FLOAT
    assert features["price"].presence.min_fraction == 0.0
    assert list(tfdv.get_domain(schema, "shop").value) == ["a", "b"]


def test_the_label_is_expected_when_training_and_absent_when_serving():
    schema = schema_of({"label": ["a", "b"], "age": [1, 2]}, {"label": "category", "age": "integer"})
    features = {feature.name: feature for feature in schema.feature}
    assert sorted(schema.default_environment) == ["SERVING", "TRAINING"]
    assert list(features["label"].not_in_environment) == ["SERVING"]
    assert list(features["age"].not_in_environment) == []
    accumulator = StatisticsAccumulator()
    unlabelled = pa.RecordBatch.from_arrays([pa.array([3])], ["age"])
    accumulator.add(as_value_lists(unlabelled, [ExaminedColumn(name="age", role="feature", kind="integer")]))
    served = accumulator.statistics(name="served")
    assert not tfdv.validate_statistics(served, schema, environment="SERVING").anomaly_info
    assert "label" in tfdv.validate_statistics(served, schema, environment="TRAINING").anomaly_info


def test_whole_numbers_that_happen_to_be_0_and_1_are_not_held_to_these():
    schema = schema_of({"children": [0, 1, 0]}, {"children": "integer"})
    assert schema.feature[0].WhichOneof("domain_info") is None


def test_a_masked_column_has_no_domain_and_its_placeholder_is_nowhere():
    schema = schema_of({"phone": ["010-1", "010-2"], "shop": ["a", "b"]}, {"phone": "masked", "shop": "category"})
    text = schema_text(schema)
    assert MASKED not in text
    assert "010" not in text
    assert [domain.name for domain in schema.string_domain] == ["shop"]


def test_a_domain_that_an_open_column_shares_with_a_masked_one_stays():
    shared = schema_pb2.Schema(
        feature=[schema_pb2.Feature(name=name, type=schema_pb2.BYTES, domain="names") for name in ("guest", "host")],
        string_domain=[schema_pb2.StringDomain(name="names", value=["kim"])],
    )
    one, both = without_values(shared, ["guest"]), without_values(shared, ["guest", "host"])
    assert [feature.domain for feature in one.feature] == ["", "names"]
    assert [domain.name for domain in one.string_domain] == ["names"]
    assert not both.string_domain
    assert [feature.domain for feature in shared.feature] == ["names", "names"]


def test_an_empty_training_split_gives_a_schema_without_features():
    schema = training_schema(StatisticsAccumulator().statistics(name="train"))
    assert not schema.feature
    assert sorted(schema.default_environment) == ["SERVING", "TRAINING"]


def test_the_text_keeps_korean_readable_and_reads_back_the_same():
    from google.protobuf import text_format

    schema = schema_of({"shop": ["서울", "부산"]}, {"shop": "category"})
    text = schema_text(schema)
    assert "서울" in text
    assert text_format.Parse(text, schema_pb2.Schema()) == schema
