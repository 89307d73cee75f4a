from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_validation.schemas.anomaly_words import anomaly_sentence, anomaly_words, is_known, TYPE_CHANGED


def test_every_anomaly_that_tfdv_can_raise_has_a_kind_and_a_remedy_of_its_own():
    names = anomalies_pb2.AnomalyInfo.Type.keys()
    assert len(names) >= 89
    assert [name for name in names if not is_known(name)] == []
    assert all(anomaly_words(name).remedy for name in names)


def test_an_anomaly_of_a_later_version_is_a_warning_in_tfdvs_words():
    words = anomaly_words("QUANTUM_TYPE_COLLAPSED")
    assert (words.kind, words.severity) == ("schema_drift", "warning")
    sentence = anomaly_sentence("QUANTUM_TYPE_COLLAPSED", "age", "It was observed.")
    assert sentence == "column 'age' does not fit the schema: It was observed"


def test_kinds_are_told_apart():
    assert anomaly_words("SCHEMA_MISSING_COLUMN").kind == "schema_drift"
    assert anomaly_words("FLOAT_TYPE_HAS_NAN").kind == "quality"
    assert anomaly_words("COMPARATOR_L_INFTY_HIGH").kind == "data_drift"
    assert anomaly_words("SCHEMA_TRAINING_SERVING_SKEW").kind == "data_skew"


def test_against_an_inferred_schema_columns_and_types_block_and_values_warn():
    assert anomaly_words("SCHEMA_MISSING_COLUMN").severity == "blocking"
    assert anomaly_words("SCHEMA_NEW_COLUMN").severity == "warning"
    assert {anomaly_words(name).severity for name in TYPE_CHANGED} == {"blocking"}
    assert anomaly_words("INT_TYPE_BIG_INT").severity == "warning"


def test_a_description_that_repeats_the_words_is_left_out():
    assert anomaly_sentence("SCHEMA_NEW_COLUMN", "tip", "New column.") == "column 'tip' is not in the schema"
    sentence = anomaly_sentence("INT_TYPE_BIG_INT", "age", "300", where=" of the test split")
    assert sentence == "column 'age' of the test split holds whole numbers above the schema's maximum: 300"
