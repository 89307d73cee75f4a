from dataclasses import asdict
from html.parser import HTMLParser
import json
from pathlib import Path

from google.protobuf import text_format
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_validation.jobs.validate_examples import validate_examples, ValidationResult
from components.shared.contracts.verdict import read_verdict
from components.shared.runtime.errors import ContractError

SPLITS = ["train"] * 70 + ["validation"] * 15 + ["test"] * 15


def validate(examples: Path, output: Path) -> ValidationResult:
    return validate_examples(
        examples_path=examples,
        statistics_path=output / "statistics",
        schema_path=output / "schema.pbtxt",
        anomalies_path=output / "anomalies",
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / "metrics.json",
    )


def random_columns(num_rows: int, num_columns: int, seed: int = 0) -> dict[str, list]:
    rng = np.random.default_rng(seed)
    return {f"x{number}": rng.normal(size=num_rows).tolist() for number in range(num_columns)}


def test_a_sound_table_passes_and_every_output_can_be_read(write_table, tmp_path):
    columns = {**random_columns(200, 2), "shop": ["서울", "서울", "부산", "부산"] * 50}
    examples = write_table(SPLITS * 2, ["yes", "no"] * 100, columns)
    result = validate(examples, tmp_path / "out")
    assert result.passed
    assert (result.num_findings, result.num_features) == (0, 4)
    assert result.num_examples == {"train": 140, "validation": 30, "test": 30}
    verdict = read_verdict(tmp_path / "out" / "verdict.json")
    assert (verdict.check, verdict.passed, verdict.reason) == ("validation", True, result.reason)
    schema = text_format.Parse((tmp_path / "out" / "schema.pbtxt").read_text("utf-8"), schema_pb2.Schema())
    assert [feature.name for feature in schema.feature] == ["label", "x0", "x1", "shop"]
    for split, count in result.num_examples.items():
        statistics = statistics_pb2.DatasetFeatureStatisticsList()
        statistics.ParseFromString((tmp_path / "out" / "statistics" / f"{split}.pb").read_bytes())
        assert statistics.datasets[0].num_examples == count
    for split in ("validation", "test"):
        text = (tmp_path / "out" / "anomalies" / f"{split}.pbtxt").read_text("utf-8")
        assert not text_format.Parse(text, anomalies_pb2.Anomalies()).anomaly_info
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics == result.metrics
    assert metrics["num_examples_train"] == 140.0


def test_a_planted_new_category_fails_with_a_report_and_a_verdict_that_name_it(write_table, tmp_path):
    shops = ["a", "b"] * 35 + ["a"] * 15 + ["zoo"] * 15
    examples = write_table(SPLITS, ["yes", "no"] * 50, {"shop": shops})
    result = validate(examples, tmp_path / "out")
    assert not result.passed
    assert "'zoo' (15)" in result.reason
    verdict = read_verdict(tmp_path / "out" / "verdict.json")
    assert verdict.findings[0].severity == "blocking"
    assert verdict.findings[0].column == "shop"
    assert "zoo" in (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "zoo" in (tmp_path / "out" / "anomalies" / "test.pbtxt").read_text("utf-8")


@pytest.mark.parametrize("seed", range(5))
def test_photos_of_mixed_formats_split_at_random_pass(write_table, tmp_path, seed):
    rng = np.random.default_rng(seed)
    formats = rng.choice(["jpeg", "png", "webp", "gif"], 200, p=[0.95, 0.03, 0.01, 0.01]).tolist()
    splits = rng.choice(["train", "validation", "test"], 200, p=[0.7, 0.15, 0.15]).tolist()
    widths = rng.integers(50, 5000, 200).tolist()
    labels = rng.choice(["cat", "dog"], 200).tolist()
    roles = {"image_format": "derived", "image_width": "derived"}
    examples = write_table(splits, labels, {"image_format": formats, "image_width": widths}, roles=roles)
    assert validate(examples, tmp_path / "out").passed


def test_pii_values_appear_in_no_output(write_table, tmp_path):
    secrets = [f"010-1234-{row:04}" for row in range(100)]
    numbers = [900101000000 + row for row in range(100)]
    roles = {"phone": "pii", "resident": "pii"}
    columns = {"phone": [*secrets[:-1], None], "resident": numbers, "age": list(range(100))}
    validate(write_table(SPLITS, ["yes", "no"] * 50, columns, roles=roles), tmp_path / "out")
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) == 10
    for path in written:
        content = path.read_bytes()
        assert b"010-1234" not in content, path
        assert b"9001010" not in content, path
    rows = pq.read_table(tmp_path / "out" / "statistics" / "sample.parquet")
    assert set(rows["phone"].to_pylist()) == {"<masked>"}
    assert set(rows["resident"].to_pylist()) == {"<masked>"}
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "counted only" in report


def test_an_empty_test_split_is_a_failed_check_not_an_error(write_table, tmp_path):
    examples = write_table(["train"] * 60 + ["validation"] * 40, ["yes", "no"] * 50, random_columns(100, 1))
    result = validate(examples, tmp_path / "out")
    assert not result.passed
    assert result.reason == "the test split has no examples"
    assert (tmp_path / "out" / "statistics" / "test.pb").is_file()


def test_a_table_without_rows_is_a_failed_check_not_an_error(write_table, tmp_path):
    result = validate(write_table([], [], {"age": pa.array([], pa.int64())}), tmp_path / "out")
    assert not result.passed
    assert result.num_examples == {"train": 0, "validation": 0, "test": 0}


def test_an_unlabelled_table_is_a_failed_check_that_says_so(write_table, tmp_path):
    result = validate(write_table(SPLITS, [None] * 100, random_columns(100, 1)), tmp_path / "out")
    assert not result.passed
    assert "has a label" in result.reason


def test_awkward_columns_do_not_stop_the_job(write_table, tmp_path):
    columns = {
        "never": pa.array([None] * 100, pa.float64()),
        "untyped": pa.nulls(100),
        "infinite": [float("inf"), -float("inf")] * 50,
        "flag": [True, False] * 50,
        "a.b/c <b>'": ["x, y", '"z"'] * 50,
        "long": ["가" * 3000 + str(row) for row in range(100)],
        "list": [[1.0, 2.0]] * 100,
        "huge": [1.7e308, -1.7e308] * 50,
        "when": pa.array([1_400_000_000_000_000 + row * 86_400_000_000 for row in range(100)], pa.timestamp("us")),
    }
    result = validate(write_table(SPLITS, ["yes", "no"] * 50, columns), tmp_path / "out")
    assert result.passed
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "list was not examined" in report
    assert "<b>'" not in report
    assert "2014-05-13" in report
    verdict = read_verdict(tmp_path / "out" / "verdict.json")
    assert {(finding.column, finding.name) for finding in verdict.findings} >= {
        ("never", "ALL_MISSING"),
        ("untyped", "ALL_MISSING"),
        ("infinite", "INFINITE_VALUES"),
    }


def test_findings_come_most_severe_first(write_table, tmp_path):
    columns = {"constant": [1.0] * 100, "shop": ["a", "b"] * 35 + ["zoo"] * 30}
    labels = ["yes"] * 66 + ["no"] * 4 + ["yes", "no"] * 15
    validate(write_table(SPLITS, labels, columns), tmp_path / "out")
    severities = [finding.severity for finding in read_verdict(tmp_path / "out" / "verdict.json").findings]
    assert severities[0] == "blocking"
    assert severities == sorted(severities, key=("blocking", "warning", "note").index)
    assert set(severities) == {"blocking", "warning", "note"}


def test_the_report_of_twenty_columns_is_small_and_closes_every_element(write_table, tmp_path):
    validate(write_table(SPLITS, ["yes", "no"] * 50, random_columns(100, 20)), tmp_path / "out")
    html = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert len(html.encode()) < 300_000
    assert html.count("<details") == 21
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert open_elements(html) == []


def test_a_wide_table_shows_fifty_columns_and_says_so(write_table, tmp_path):
    columns = random_columns(40, 60)
    columns["x55"] = [0.0] * 28 + [1.0] * 12
    splits = ["train"] * 28 + ["validation"] * 6 + ["test"] * 6
    result = validate(write_table(splits, ["yes", "no"] * 20, columns), tmp_path / "out")
    assert result.num_features == 61
    html = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "The 50 most notable of 61 columns" in html
    assert "x55" in html
    assert len(html.encode()) < 600_000


def test_two_runs_write_the_same_bytes(write_table, tmp_path):
    columns = {**random_columns(100, 2), "shop": ["a", "b", "c", "d"] * 25}
    examples = write_table(SPLITS, ["yes", "no"] * 50, columns)
    results = [validate(examples, tmp_path / name) for name in ("one", "two")]
    assert asdict(results[0]) == asdict(results[1])
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_no_table_and_a_damaged_table_are_errors_that_name_the_place(write_table, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        validate(tmp_path / "nothing-here", tmp_path / "out")
    examples = write_table(SPLITS, ["yes", "no"] * 50, random_columns(100, 1))
    shard = examples / "shard-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(ContractError, match=r"shard-00000\.parquet"):
        validate(examples, tmp_path / "out")


class _Open(HTMLParser):
    VOID = frozenset({"meta", "br", "img", "link", "rect", "line", "polyline", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def open_elements(html: str) -> list[str]:
    parser = _Open()
    parser.feed(html)
    return parser.open
