import hashlib
import io
from pathlib import Path

from google.protobuf import text_format
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import numpy as np
from PIL import Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs
from components.mock_data.jobs import make_mock_source
from components.mock_data.mock_source import MockSettings
from components.mock_data.schema_source import builtin_schema
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.problem import Problem, read_problem

MODALITIES = ("image", "text", "tabular")
CUSTOMERS = """
feature { name: "age" type: INT int_domain { min: 18 max: 90 } presence { min_fraction: 1.0 min_count: 1 } }
feature { name: "income" type: FLOAT float_domain { min: 0 } presence { min_fraction: 0.7 min_count: 1 } }
feature { name: "city" type: BYTES domain: "city" presence { min_fraction: 1.0 min_count: 1 } }
feature { name: "name" type: BYTES presence { min_fraction: 1.0 min_count: 1 } }
string_domain { name: "city" value: "Busan" value: "Seoul" value: "Suwon" }
"""
CUSTOMER_STATISTICS = """
num_examples: 100
features { path { step: "name" } type: STRING string_stats {
  common_stats { num_non_missing: 100 } unique: 100 avg_length: 9
  rank_histogram { buckets { label: "Kim Minsu" sample_count: 1 } buckets { label: "Lee Jiwoo" sample_count: 1 } } } }
features { path { step: "label" } type: STRING string_stats {
  common_stats { num_non_missing: 100 } unique: 2
  rank_histogram { buckets { label: "no" sample_count: 80 } buckets { label: "yes" sample_count: 20 } } } }
"""


def ingested(made, folder: Path) -> pa.Table:
    outputs = IngestionOutputs(
        examples=folder / "examples", report=folder / "report.html", verdict=folder / "verdict.json"
    )
    result = ingest_examples(source=str(made.source_path), problem=read_problem(made.problem_path), outputs=outputs)
    assert result.passed, result.reason
    assert (result.num_examples, result.num_quarantined, result.num_duplicates) == (made.num_examples, 0, 0)
    return pa.Table.from_batches(ExampleTable(folder / "examples").iter_batches())


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("modality", MODALITIES)
def test_what_comes_along_makes_an_example_table_that_keeps_to_the_schema(modality, breaches, tmp_path):
    schema = builtin_schema(modality)
    made = make_mock_source(schema=schema, settings=MockSettings(num_examples=200), output_path=tmp_path / "mock")
    assert made.modality == modality
    assert sum(made.counts.values()) == 200
    assert breaches(ingested(made, tmp_path), schema) == []


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(modality, tmp_path):
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        settings = MockSettings(num_examples=40, seed=seed)
        make_mock_source(schema=builtin_schema(modality), settings=settings, output_path=tmp_path / name)
    assert digests(tmp_path / "first") == digests(tmp_path / "again")
    assert digests(tmp_path / "first") != digests(tmp_path / "other")


@pytest.mark.parametrize("modality", MODALITIES)
def test_an_environment_without_the_label_gives_examples_without_it(modality, tmp_path):
    settings = MockSettings(num_examples=20, environment="SERVING")
    made = make_mock_source(schema=builtin_schema(modality), settings=settings, output_path=tmp_path)
    assert made.counts == {}
    if modality == "image":
        assert len(list(made.source_path.iterdir())) == 20
        assert not [path for path in made.source_path.iterdir() if path.is_dir()]
    else:
        assert "label" not in pq.read_schema(made.source_path).names
        assert read_problem(made.problem_path).label.column is None


def test_the_balance_of_classes_is_that_of_the_statistics(schema_of, tmp_path):
    statistics = text_format.Parse(CUSTOMER_STATISTICS, statistics_pb2.DatasetFeatureStatistics())
    made = make_mock_source(
        schema=schema_of(CUSTOMERS), settings=MockSettings(), output_path=tmp_path, statistics=statistics
    )
    assert made.counts == {"no": 320, "yes": 80}


def test_no_name_of_the_real_data_is_in_the_mock(schema_of, tmp_path):
    statistics = text_format.Parse(CUSTOMER_STATISTICS, statistics_pb2.DatasetFeatureStatistics())
    make_mock_source(schema=schema_of(CUSTOMERS), settings=MockSettings(), output_path=tmp_path, statistics=statistics)
    names = pq.read_table(tmp_path / "table.parquet").column("name").to_pylist()
    assert not set(names) & {"Kim Minsu", "Lee Jiwoo"}
    assert np.mean([len(name) for name in names]) == pytest.approx(9)


def test_columns_keep_the_roles_that_the_real_problem_file_gives_them(schema_of, tmp_path):
    problem = Problem(pii=("city", "gone"), sensitive=("age",), slices=("income", "age"))
    made = make_mock_source(schema=schema_of(CUSTOMERS), settings=MockSettings(), output_path=tmp_path, problem=problem)
    found = read_problem(made.problem_path)
    assert (found.pii, found.sensitive, found.slices) == (("city",), ("age",), ("income",))
    assert found.features == ("name",)
    cities = set(pq.read_table(made.source_path).column("city").to_pylist())
    assert not cities & {"Busan", "Seoul", "Suwon"}


def test_a_text_has_the_name_and_the_slices_of_the_real_data(schema_of, tmp_path):
    schema = schema_of('feature { name: "text_length" type: INT } feature { name: "shop" type: BYTES }')
    made = make_mock_source(
        schema=schema, settings=MockSettings(), output_path=tmp_path / "mock", problem=Problem(text="document")
    )
    assert read_problem(made.problem_path).text == "document"
    assert "shop" in ingested(made, tmp_path).column_names


def test_a_label_of_another_name_is_found_by_its_environment(tmp_path, schema_of):
    schema = schema_of('feature { name: "a" type: INT } feature { name: "b" type: FLOAT }')
    next(feature for feature in schema.feature if feature.name == "label").name = "species"
    made = make_mock_source(schema=schema, settings=MockSettings(num_examples=10), output_path=tmp_path)
    assert read_problem(made.problem_path).label.column == "species"


@st.composite
def random_features(draw) -> str:
    """One to six columns of any type with any of the constraints that a table can keep to."""
    features = []
    for number in range(draw(st.integers(1, 6))):
        low = draw(st.integers(-50, 50))
        high = low + draw(st.integers(0, 60))
        values = draw(st.lists(st.text("ab가나 '\"", min_size=1, max_size=4), min_size=1, max_size=5, unique=True))
        domain = draw(
            st.sampled_from(
                [
                    "type: INT",
                    "type: FLOAT",
                    "type: BYTES",
                    "type: INT bool_domain {}",
                    "type: FLOAT bool_domain {}",
                    'type: BYTES bool_domain { true_value: "Y" false_value: "N" }',
                    f"type: INT int_domain {{ min: {low} max: {high} }}",
                    f"type: INT int_domain {{ max: {high} is_categorical: true }}",
                    f"type: FLOAT float_domain {{ min: {low + 0.25} max: {high + 0.5} }}",
                    f"type: FLOAT float_domain {{ min: {low} }}",
                    f"type: BYTES int_domain {{ min: {low} max: {high} }}",
                    f"type: BYTES float_domain {{ min: {low} max: {high} }}",
                    "type: BYTES string_domain { " + " ".join(f"value: {_quoted(value)}" for value in values) + " }",
                    "type: BYTES unique_constraints { min: 2 max: 9 }",
                ]
            )
        )
        presence = draw(
            st.sampled_from(
                [
                    "presence { min_fraction: 1.0 min_count: 1 }",
                    "presence { min_fraction: 0.61 } value_count { min: 1 max: 1 }",
                    "presence { min_count: 45 }",
                    "shape { dim { size: 1 } }",
                    "",
                ]
            )
        )
        features.append(f'feature {{ name: "column {number}" {domain} {presence} }}')
    return "\n".join(features)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(features=random_features(), seed=st.integers(0, 99), signal=st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_schema_of_a_table_is_kept_to(features, seed, signal, schema_of, breaches, tmp_path):
    schema = schema_of(features)
    settings = MockSettings(num_examples=50, seed=seed, signal=signal)
    made = make_mock_source(schema=schema, settings=settings, output_path=tmp_path)
    table = pq.read_table(made.source_path)
    assert breaches(table, schema) == []
    columns = [table.column(name).is_null() for name in table.column_names if name != "label"]
    assert not np.all([np.asarray(column) for column in columns], axis=0).any()


def payload(made) -> tuple[np.ndarray, np.ndarray]:
    """Simple features a model can be fitted on at once, and the labels."""
    if made.modality == "image":
        files = sorted(path for path in made.source_path.rglob("*") if path.is_file())
        return np.stack([spectrum(path) for path in files]), np.array([path.parent.name for path in files])
    table = pq.read_table(made.source_path)
    labels = np.array(table.column("label").to_pylist())
    if made.modality == "text":
        return np.array(table.column("text").to_pylist(), dtype=object), labels
    columns = [table.column(name) for name in table.column_names if name != "label"]
    return np.stack([np.asarray(numbers(column), dtype=float) for column in columns], axis=1), labels


def spectrum(path: Path) -> np.ndarray:
    """Strength of each frequency of the grey image: the same wherever the stripes begin."""
    grey = Image.open(io.BytesIO(path.read_bytes())).convert("L").resize((32, 32))
    values = np.asarray(grey, dtype=float)
    return np.log1p(np.abs(np.fft.rfft2((values - values.mean()) / (values.std() + 1e-9)))).ravel()


def numbers(column: pa.ChunkedArray) -> list[float]:
    values = column.to_pylist()
    if pa.types.is_string(column.type):
        codes = {value: code for code, value in enumerate(sorted(filter(None, set(values))))}
        return [float("nan") if value is None else codes[value] for value in values]
    return [float("nan") if value is None else value for value in values]


MODELS = {
    "image": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)),
    "text": lambda: make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), LogisticRegression(C=10)),
    "tabular": lambda: HistGradientBoostingClassifier(random_state=0),
}
TRAINED, HELD_OUT = 600, 400


def held_out_accuracy(modality: str, signal: float, folder: Path) -> float:
    """Accuracy of a quick model on rows that it was not fitted on: those of another seed, of the same world."""
    sides = []
    for seed, num_examples in ((0, TRAINED), (1, HELD_OUT)):
        settings = MockSettings(num_examples=num_examples, seed=seed, signal=signal)
        made = make_mock_source(
            schema=builtin_schema(modality), settings=settings, output_path=folder / f"{modality}-{signal}-{seed}"
        )
        sides.append(payload(made))
    model = MODELS[modality]().fit(*sides[0])
    return float((model.predict(sides[1][0]) == sides[1][1]).mean())


@pytest.mark.parametrize(
    ("modality", "least"), [pytest.param("image", 0.98, marks=pytest.mark.slow), ("text", 0.93), ("tabular", 0.93)]
)
def test_with_full_signal_a_quick_model_learns_the_label(modality, least, tmp_path):
    assert held_out_accuracy(modality, 1.0, tmp_path) >= least


@pytest.mark.parametrize("modality", [pytest.param("image", marks=pytest.mark.slow), "text", "tabular"])
def test_without_signal_a_quick_model_guesses(modality, tmp_path):
    # 400 fair coins fall outside 0.5 +- 0.1 with a chance of 6e-5.
    assert abs(held_out_accuracy(modality, 0.0, tmp_path) - 0.5) <= 0.1


@pytest.mark.parametrize("modality", MODALITIES)
def test_with_half_the_signal_a_quick_model_comes_near_the_best_and_not_beyond(modality, tmp_path):
    # The best possible is 0.75; 400 draws of it deviate by 0.087 with a chance of 6e-5.
    assert 0.6 <= held_out_accuracy(modality, 0.5, tmp_path) <= 0.84


@pytest.mark.parametrize(
    ("features", "options", "sentence"),
    [
        ("", {}, "must describe a feature beside the label"),
        ('feature { name: "a" type: INT }', {"label": "kind"}, "label must be one of the schema's columns"),
        ('feature { name: "a" type: INT }', {"num_examples": 9}, "at least 10, 5 for each of 2 classes, got 9"),
        ('feature { name: "a" type: INT }', {"modality": "image"}, "the schema of images must describe only label"),
        ('feature { name: "a" type: INT }', {"label": "a"}, "must have 2 to 1000 classes"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(schema_of, tmp_path, features, options, sentence):
    schema = schema_of(features)
    if options.get("label") == "a":
        schema.feature[0].int_domain.max = 5000
    with pytest.raises(ValueError, match=sentence):
        make_mock_source(schema=schema, settings=MockSettings(**options), output_path=tmp_path)


def test_a_class_that_no_folder_can_be_named_for_is_one_sentence(tmp_path):
    schema = builtin_schema("image")
    schema.string_domain[0].value[0] = "cats/dogs"
    with pytest.raises(ValueError, match="names that a folder can have, got 'cats/dogs'"):
        make_mock_source(schema=schema, settings=MockSettings(), output_path=tmp_path)
    assert not list(tmp_path.glob("images"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_examples": 0}, "num_examples must be at least 1, got 0"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"signal": 1.5}, r"signal must lie in 0..1, got 1.5"),
    ],
)
def test_settings_are_checked(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        MockSettings(**options)


@pytest.mark.parametrize(
    ("kind", "stored"),
    [(schema_pb2.INT, pa.int64()), (schema_pb2.FLOAT, pa.float64()), (schema_pb2.BYTES, pa.string())],
)
def test_a_label_has_the_type_that_the_schema_gives_it(tmp_path, schema_of, kind, stored):
    schema = schema_of('feature { name: "a" type: FLOAT }')
    label = next(feature for feature in schema.feature if feature.name == "label")
    label.type = kind
    label.bool_domain.CopyFrom(schema_pb2.BoolDomain(true_value="1", false_value="0"))
    made = make_mock_source(schema=schema, settings=MockSettings(num_examples=10), output_path=tmp_path)
    assert pq.read_schema(made.source_path).field("label").type == stored
    assert made.counts == {"0": 5, "1": 5}


def test_classes_that_are_codes_keep_their_zeros(tmp_path, schema_of):
    schema = schema_of('feature { name: "a" type: FLOAT }')
    label = next(feature for feature in schema.feature if feature.name == "label")
    label.int_domain.CopyFrom(schema_pb2.IntDomain())
    content = CUSTOMER_STATISTICS.replace('"no"', '"010"').replace('"yes"', '"02"')
    statistics = text_format.Parse(content, statistics_pb2.DatasetFeatureStatistics())
    made = make_mock_source(
        schema=schema, settings=MockSettings(num_examples=100), output_path=tmp_path, statistics=statistics
    )
    assert made.counts == {"02": 20, "010": 80}


def test_a_label_of_whole_numbers_takes_its_classes_from_its_bounds(tmp_path, schema_of):
    schema = schema_of('feature { name: "a" type: FLOAT }')
    label = next(feature for feature in schema.feature if feature.name == "label")
    label.ClearField("string_domain")
    label.int_domain.CopyFrom(schema_pb2.IntDomain(min=1, max=3))
    made = make_mock_source(schema=schema, settings=MockSettings(num_examples=30), output_path=tmp_path)
    assert made.counts == {"1": 10, "2": 10, "3": 10}
