import json
from pathlib import Path

from kfp import dsl

from components.data_ingestion.component import ingest_examples
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import read_verdict


def run(folder: Path, source: Path, problem: str = "") -> dict[str, dsl.Artifact]:
    kinds = {"examples": dsl.Dataset, "pool": dsl.Dataset, "ingestion_report": dsl.HTML}
    kinds |= {"ingestion_verdict": dsl.Artifact, "ingestion_metrics": dsl.Metrics}
    kinds["splits"] = dsl.Artifact
    outputs = {name: kind(name=name, uri=str(folder / name)) for name, kind in kinds.items()}
    ingest_examples.python_func(source=str(source), problem=problem, data_fingerprint="abc", **outputs)
    return outputs


def test_the_face_writes_every_output_and_records_it(photo_folder, tmp_path):
    outputs = run(tmp_path / "step", photo_folder, "label: {classes: [dog, cat]}")
    assert all(Path(output.path).exists() for output in outputs.values())
    assert ExampleTable(outputs["examples"].path).info.class_names == ("dog", "cat")
    assert outputs["examples"].metadata == {"num_examples": 40, "data_fingerprint": "abc"}
    assert outputs["ingestion_verdict"].metadata == {
        "passed": True,
        "reason": "40 examples of 2 classes, none set aside",
    }
    assert outputs["ingestion_metrics"].metadata == {
        "num_examples": 40,
        "num_pool": 0,
        "num_quarantined": 0,
        "num_duplicates": 0,
    }
    assert outputs["pool"].metadata == {"num_examples": 0, "data_fingerprint": "abc"}
    assert ExampleTable(outputs["pool"].path).info.is_pool
    assert json.loads(Path(outputs["ingestion_metrics"].path).read_text())["num_examples"] == 40


def test_the_face_returns_where_the_check_fails(photo_folder, tmp_path):
    for number in range(20):
        (photo_folder / "cat" / f"bad{number}.jpg").write_bytes(b"")
    outputs = run(tmp_path / "step", photo_folder)
    assert outputs["ingestion_verdict"].metadata["passed"] is False
    assert not read_verdict(outputs["ingestion_verdict"].path).passed
    assert outputs["ingestion_metrics"].metadata["num_quarantined"] == 20
