"""Real-looking data to schema and statistics, to a mock, and back: TFDV, in its own environment, finds the mock fit."""

import json
from pathlib import Path
import subprocess

import numpy as np
from PIL import Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs
from components.mock_data.jobs import make_mock_source
from components.mock_data.mock_source import MockSettings
from components.mock_data.schema_source import builtin_schema, read_schema, read_statistics
from components.shared.contracts.problem import parse_problem, Problem, read_problem
from components.shared.runtime.container_images import image
from pipelines.local.environments import interpreter_of

pytestmark = pytest.mark.slow

MODALITIES = ("image", "text", "tabular")
SURNAMES = ("Kim", "Lee", "Park", "Choi", "Jung")
PROBLEMS = {
    "image": "modality: image",
    "text": "{modality: text, text: document, label: {column: label}, slices: [shop]}",
    "tabular": "{modality: tabular, label: {column: left}, pii: [name], sensitive: [city]}",
}
VALIDATE = """
import json, sys
from pathlib import Path
from components.data_validation.jobs.validate_examples import validate_examples
from components.data_validation.jobs.validate_table import validate_table
verdicts = []
for examples, schema, environment, output in json.loads(sys.argv[1]):
    output = Path(output)
    if schema is None:
        files = {"schema_path": output / "schema.pbtxt", "report_path": output / "report.html"}
        folders = {"statistics_path": output / "statistics", "anomalies_path": output / "anomalies"}
        found = validate_examples(examples_path=examples, **files, **folders, verdict_path=output / "verdict.json")
    else:
        found = validate_table(
            table_uri=examples, schema_path=Path(schema), environment=environment, output_path=output
        )
    verdicts.append([found.passed, found.reason])
Path(sys.argv[2]).write_text(json.dumps(verdicts))
"""


def validated(repository: Path, runs: list[tuple[object, ...]], verdicts: Path) -> list[list[object]]:
    """Whether each run passed and why not, from the environment that has TFDV."""
    arguments = json.dumps([[None if item is None else str(item) for item in run] for run in runs])
    command = [interpreter_of(image("validation")), "-c", VALIDATE, arguments, str(verdicts)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(verdicts.read_text())


def ingested(source: Path, problem: Problem, folder: Path) -> Path:
    outputs = IngestionOutputs(examples=folder / "examples", report=folder / "r.html", verdict=folder / "v.json")
    result = ingest_examples(source=str(source), problem=problem, outputs=outputs)
    assert result.passed, result.reason
    return folder / "examples"


def write_real_images(folder: Path, rng: np.random.Generator) -> Path:
    for label, number in ((label, number) for label in ("cat", "dog", "owl") for number in range(60)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        shape = (*rng.integers(24, 60, 2), 3)
        pixels = (rng.normal(90, 30, shape) + rng.integers(-20, 20)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / label / f"{number}.{'jpg' if number % 3 else 'png'}")
    return folder


def write_real_texts(folder: Path, rng: np.random.Generator) -> Path:
    words = ("영화", "정말", "재미있다", "별로", "최고", "배우", "OST", "2번", "봤다", "지루함", "!!")
    texts = [" ".join(rng.choice(words, rng.integers(1, 12))) for _ in range(300)]
    shops = rng.choice(["east", "west"], 300)
    table = pa.table({"document": texts, "label": rng.integers(0, 2, 300), "shop": shops})
    return write_table(table, folder)


def write_real_rows(folder: Path, rng: np.random.Generator) -> Path:
    income = rng.lognormal(8, 1, 400)
    columns = {
        "age": rng.integers(18, 90, 400),
        "income": pa.array(income, mask=rng.random(400) < 0.2),
        "visits": pa.array(rng.poisson(2, 400), mask=rng.random(400) < 0.1),
        "city": rng.choice(["Busan", "Seoul", "Suwon"], 400, p=[0.2, 0.7, 0.1]),
        "plan": pa.array(rng.choice(["gold", "basic"], 400), mask=rng.random(400) < 0.3),
        "code": rng.choice(["00501", "00777", "10115"], 400),
        "empty": pa.nulls(400, pa.int64()),
        "name": [f"{rng.choice(SURNAMES)} {number}" for number in range(400)],
        "left": rng.choice(["no", "yes"], 400, p=[0.85, 0.15]),
    }
    return write_table(pa.table(columns), folder)


def write_table(table: pa.Table, folder: Path) -> Path:
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "real.parquet")
    return folder / "real.parquet"


REAL = {"image": write_real_images, "text": write_real_texts, "tabular": write_real_rows}


@pytest.fixture(scope="module")
def real(repository, tmp_path_factory):
    """A folder for each modality with the schema and the statistics of its real data."""
    root = tmp_path_factory.mktemp("real")
    runs = []
    for modality, write in REAL.items():
        source = write(root / modality / "source", np.random.default_rng(0))
        examples = ingested(source, parse_problem(PROBLEMS[modality]), root / modality)
        runs.append((examples, None, None, root / modality))
    verdicts = validated(repository, runs, root / "verdicts.json")
    assert all(passed for passed, _ in verdicts), verdicts
    return {modality: root / modality for modality in MODALITIES}


@pytest.fixture(scope="module")
def mocks(real, tmp_path_factory):
    """A mock for each modality that resembles the real data."""
    root = tmp_path_factory.mktemp("mocks")
    return {
        modality: make_mock_source(
            schema=read_schema(folder / "schema.pbtxt"),
            statistics=read_statistics(folder / "statistics"),
            problem=parse_problem(PROBLEMS[modality]),
            settings=MockSettings(num_examples=300, modality=modality),
            output_path=root / modality,
        )
        for modality, folder in real.items()
    }


@pytest.fixture(scope="module")
def verdicts(real, mocks, repository, tmp_path_factory):
    """Whether each run of validation passed and why not, by its name; one process runs all, for TFDV starts slowly."""
    root = tmp_path_factory.mktemp("validated")
    schemas = repository / "components" / "mock_data" / "schemas"
    runs = {}
    for modality, made in mocks.items():
        examples = ingested(made.source_path, read_problem(made.problem_path), root / modality)
        runs[f"{modality} against the real schema"] = (examples, real[modality] / "schema.pbtxt", "TRAINING")
        runs[f"{modality} split by split"] = (examples, None, None)
        settings = MockSettings(num_examples=200)
        own = make_mock_source(schema=builtin_schema(modality), settings=settings, output_path=root / "own" / modality)
        examples = ingested(own.source_path, read_problem(own.problem_path), root / "own" / modality)
        runs[f"{modality} from what comes along"] = (examples, schemas / f"{modality}.pbtxt", "TRAINING")
    other = root / "other.pbtxt"
    other.write_text((real["tabular"] / "schema.pbtxt").read_text().replace('value: "Suwon"', 'value: "Jeju"'))
    runs["another schema"] = (root / "tabular" / "examples", other, "TRAINING")
    settings = MockSettings(num_examples=100, environment="SERVING")
    served = make_mock_source(schema=builtin_schema("tabular"), settings=settings, output_path=root / "served")
    runs["served"] = (served.source_path, schemas / "tabular.pbtxt", "SERVING")
    outputs = [(*run, root / "reports" / str(number)) for number, run in enumerate(runs.values())]
    return dict(zip(runs, validated(repository, outputs, root / "verdicts.json"), strict=True))


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("against", ["against the real schema", "split by split", "from what comes along"])
def test_tfdv_finds_no_anomaly_in_a_mock(verdicts, modality, against):
    passed, reason = verdicts[f"{modality} {against}"]
    assert passed, reason


def test_tfdv_finds_the_anomaly_where_the_schema_is_another_one(verdicts):
    passed, reason = verdicts["another schema"]
    assert not passed
    assert "'city'" in reason


def test_a_mock_without_labels_keeps_to_the_schema_in_serving(verdicts):
    passed, reason = verdicts["served"]
    assert passed, reason


def test_personal_data_and_unlisted_values_of_the_real_data_are_not_in_the_mock(mocks):
    names = pq.read_table(mocks["tabular"].source_path).column("name").to_pylist()
    assert not any(surname in name for name in names for surname in SURNAMES)
    assert read_problem(mocks["tabular"].problem_path).pii == ("name",)


def test_a_mock_lies_as_the_real_data_do(mocks, real):
    original = pq.read_table(real["tabular"] / "source" / "real.parquet")
    made = pq.read_table(mocks["tabular"].source_path)
    for name in ("income", "visits", "plan"):
        assert made.column(name).null_count / 300 == pytest.approx(original.column(name).null_count / 400, abs=0.04)
    # Two samples of 300 from one distribution lie further apart than 0.16 with a chance of 1e-3.
    for name in ("age", "income", "visits"):
        sides = [np.asarray(table.column(name).drop_null(), dtype=float) for table in (original, made)]
        assert largest_gap(*sides) < 0.16
    cities = [[city == "Seoul" for city in table.column("city").to_pylist()] for table in (original, made)]
    assert np.mean(cities[1]) == pytest.approx(np.mean(cities[0]), abs=0.1)
    assert mocks["tabular"].counts["no"] / 300 == pytest.approx(0.85, abs=0.05)
    texts = pq.read_table(mocks["text"].source_path).column("document").to_pylist()
    real_texts = pq.read_table(real["text"] / "source" / "real.parquet").column("document").to_pylist()
    assert largest_gap(np.array(list(map(len, real_texts))), np.array(list(map(len, texts)))) < 0.16
    assert hangul_share(texts) == pytest.approx(hangul_share(real_texts), abs=0.05)


def largest_gap(reference: np.ndarray, current: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance."""
    grid = np.unique(np.concatenate([reference, current]))
    sides = [np.searchsorted(np.sort(side), grid, side="right") / len(side) for side in (reference, current)]
    return float(np.abs(sides[0] - sides[1]).max())


def hangul_share(texts: list[str]) -> float:
    shares = [[("가" <= letter <= "힣") for letter in text if letter != " "] for text in texts]
    return float(np.mean([np.mean(share) for share in shares]))
