"""The job labels a pool where that helps, says why, and touches no row that people judge by."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.pseudo_labels import clusters_case
from components.active_learning.jobs.write_pseudo_labels import PseudoLabelsResult, write_pseudo_labels
from components.active_learning.label_requests import LabelRequest, write_label_requests
from components.active_learning.model_labels import read_model_labels
from components.shared.contracts.predictions_table import PredictionsWriter
from components.shared.contracts.verdict import read_verdict
from components.shared.runtime.errors import ContractError
from tests.components.active_learning.pseudo_labels.planted_pools import planted
from tests.components.active_learning.pseudo_labels.planted_tables import examples_table, PlantedTables, written


def _job(folder: Path, tables: PlantedTables, **given: Any) -> PseudoLabelsResult:
    return write_pseudo_labels(
        examples_path=tables.examples,
        pool_path=tables.pool,
        predictions_path=given.pop("predictions_path", tables.predictions),
        pool_predictions_path=tables.pool_predictions,
        model_version=given.pop("model_version", "v1"),
        labels_path=folder / "labels",
        evidence_path=folder / "evidence.json",
        report_path=folder / "report.html",
        verdict_path=folder / "verdict.json",
        metrics_path=folder / "metrics.json",
        device="cpu",
        **given,
    )


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PlantedTables]:
    """Clusters in the embeddings of a model, of texts that say nothing, with an audit; what the job wrote of them."""
    folder = tmp_path_factory.mktemp("labelled")
    case = planted("blobs", 1)
    tables = written(folder, case, with_embeddings=True)
    requests = [_request(f"validation-{number}", case.validation_answers[number]) for number in range(6)]
    requests.append(_request("train-0", np.array([0.9, 0.1]), version="v0"))
    write_label_requests(folder / "requests", requests, class_names=["class 0", "class 1"])
    _job(folder, tables, requests_path=folder / "requests", round_number=3)
    return folder, tables


def _request(name: str, answers: np.ndarray, version: str = "v1") -> LabelRequest:
    return LabelRequest(
        example_id=name,
        strategy="random",
        why="drawn at random",
        score=0.0,
        predicted=f"class {answers.argmax()}",
        probability=float(answers.max()),
        model_version=version,
        round_number=1,
    )


def test_admitted_labels_name_their_model_their_probability_and_their_round(
    labelled: tuple[Path, PlantedTables],
) -> None:
    labels = read_model_labels(labelled[0] / "labels")
    truth = planted("blobs", 1).pool_truth
    wrong = [label.label != f"class {truth[int(label.example_id.removeprefix('pool-'))]}" for label in labels]

    assert len(labels) == 200
    assert np.mean(wrong) < 0.05
    assert {(label.model_version, label.round_number) for label in labels} == {("v1", 3)}
    assert all(0.5 <= label.probability <= 1.0 for label in labels)


def test_the_verdict_passes_and_the_report_shows_with_and_without(labelled: tuple[Path, PlantedTables]) -> None:
    verdict = read_verdict(labelled[0] / "verdict.json")
    report = (labelled[0] / "report.html").read_text()
    evidence = json.loads((labelled[0] / "evidence.json").read_text())

    assert verdict.passed
    assert "200 labels by the model are admitted" in verdict.reason
    assert evidence["is_admitted"]
    assert sum(evidence["num_by_class"].values()) == 200
    assert evidence["second_view"] == "the nearest examples by the model's embeddings"
    for words in ("With and without labels by a model", "How many are wrong", "Calibration", "By class", "pool-"):
        assert words in report


def test_the_audit_counts_rows_drawn_at_random_that_the_model_had_not_learnt(
    labelled: tuple[Path, PlantedTables],
) -> None:
    rates = json.loads((labelled[0] / "evidence.json").read_text())["noise_rates"]

    assert 1 <= rates[0]["num_audited"] <= 6
    assert rates[0]["low"] <= rates[0]["share"] <= rates[0]["high"]


def test_rows_that_are_examples_already_get_no_label(labelled: tuple[Path, PlantedTables], tmp_path: Path) -> None:
    labels = [label.example_id for label in read_model_labels(labelled[0] / "labels")]
    case, tables = planted("blobs", 1), labelled[1]
    held_out, repeated = labels[0], labels[1]
    pool_ids = [f"pool-{number}" for number in range(len(case.pool))]
    contents = [number + 1 for number in range(len(pool_ids))]
    texts = {"text": pa.array(["an example"] * len(pool_ids))}
    names = ["class 0", "class 1"]
    examples_table(tmp_path / "pool", "text", names, pool_ids, None, None, texts, content_ids=contents)
    ids = [
        *(f"train-{number}" for number in range(20)),
        *(f"validation-{number}" for number in range(10)),
        held_out,
        "x",
    ]
    splits = ["train"] * 20 + ["validation"] * 10 + ["test", "train"]
    given = [names[label] for label in [*case.labels, *case.validation_truth, 0, 0]]
    keys = [10_000 + number for number in range(31)] + [contents[pool_ids.index(repeated)]]
    text = {"text": pa.array(["an example"] * 32)}
    examples_table(tmp_path / "examples", "text", names, ids, splits, given, text, content_ids=keys)
    again = PlantedTables(
        examples=tmp_path / "examples",
        pool=tmp_path / "pool",
        predictions=tables.predictions,
        pool_predictions=tables.pool_predictions,
    )
    _job(tmp_path, again)
    evidence = json.loads((tmp_path / "evidence.json").read_text())

    assert evidence["pool"]["known"] == 2
    assert not {held_out, repeated} & {label.example_id for label in read_model_labels(tmp_path / "labels")}


def test_a_refusal_passes_writes_no_label_and_says_that_the_noise_is_unknown(tmp_path: Path) -> None:
    tables = written(tmp_path, planted("topics", 1), with_embeddings=True)
    result = _job(tmp_path, tables, max_pool_rows=300)
    verdict = read_verdict(tmp_path / "verdict.json")

    assert result.num_admitted == 0
    assert read_model_labels(tmp_path / "labels") == []
    assert verdict.passed
    assert [finding.name for finding in verdict.findings] == ["pseudo_labels_refused"]
    assert "noise_rate" not in result.metrics
    assert "Unknown: no row" in (tmp_path / "report.html").read_text()


def test_numbers_other_classes_and_a_missing_version_are_refused_in_a_sentence(
    labelled: tuple[Path, PlantedTables], tmp_path: Path
) -> None:
    tables = labelled[1]
    for names, is_number in ((["class 0", "other"], False), ([], True)):
        with PredictionsWriter(tmp_path / "p", class_names=names, extra_columns={}, is_regression=is_number):
            pass
        expected = "must be classes" if is_number else "score the pool with the model that was evaluated"
        with pytest.raises(ContractError, match=expected):
            _job(tmp_path, tables, predictions_path=tmp_path / "p")
    with pytest.raises(ValueError, match="a model version"):
        _job(tmp_path, tables, model_version="")


def test_the_benchmark_s_case_gains_three_points_of_twenty_labels() -> None:
    assert clusters_case(planted("blobs", 0), 0) >= 0.03
