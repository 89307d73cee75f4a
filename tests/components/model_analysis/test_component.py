import json

from kfp import dsl

from components.model_analysis.component import compare_with_champion, evaluate_model
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.verdict import read_verdict

ROWS = [(split, kind, kind) for split in ("validation", "test") for kind in ("cat", "dog") * 3]


def _run(tmp_path, examples, model, target):
    kinds = {
        "predictions": dsl.Dataset,
        "evaluation": dsl.Artifact,
        "analysis_report": dsl.HTML,
        "analysis_verdict": dsl.Artifact,
        "analysis_metrics": dsl.Metrics,
        "analysis_classification": dsl.ClassificationMetrics,
    }
    outputs = {name: kind(name=name, uri=str(tmp_path / "step" / name), metadata={}) for name, kind in kinds.items()}
    evaluate_model.python_func(
        examples=dsl.Dataset(uri=str(examples)),
        model=dsl.Model(uri=str(model)),
        target=target,
        recipe="full",
        device="cpu",
        **outputs,
    )
    return outputs


def test_the_face_writes_every_output_and_records_the_metrics(tmp_path, make_table, model_dir) -> None:
    outputs = _run(tmp_path, make_table(ROWS), model_dir, '{"metric": "accuracy", "minimum": 0.9}')
    assert all((tmp_path / "step" / name).exists() for name in outputs)
    assert PredictionsTable(outputs["predictions"].path).num_rows == 12
    assert read_verdict(outputs["analysis_verdict"].path).passed
    assert outputs["analysis_metrics"].metadata["accuracy"] == 1.0
    recorded = outputs["analysis_classification"].metadata
    assert [row["row"] for row in recorded["confusionMatrix"]["rows"]] == [[3, 0], [0, 3]]
    assert recorded["confidenceMetrics"][0] == {"confidenceThreshold": 1.0, "falsePositiveRate": 0.0, "recall": 0.0}
    json.dumps([artifact.metadata for artifact in outputs.values()], allow_nan=False)


def test_the_face_survives_a_test_split_without_labels(tmp_path, make_table, model_dir) -> None:
    outputs = _run(tmp_path, make_table([("test", None, "cat")]), model_dir, "")
    verdict = read_verdict(outputs["analysis_verdict"].path)
    assert not verdict.passed
    assert "nothing to judge" in verdict.reason
    assert all((tmp_path / "step" / name).exists() for name in outputs)
    assert outputs["analysis_metrics"].metadata == {}


def test_the_comparisons_face_writes_every_output_also_without_a_champion(tmp_path, make_table, model_dir) -> None:
    examples = make_table(ROWS)
    evaluated = _run(tmp_path, examples, model_dir, "")
    kinds = {
        "comparison": dsl.Artifact,
        "champion_report": dsl.HTML,
        "champion_verdict": dsl.Artifact,
        "champion_metrics": dsl.Metrics,
    }
    outputs = {name: kind(name=name, uri=str(tmp_path / "step" / name), metadata={}) for name, kind in kinds.items()}
    compare_with_champion.python_func(
        examples=dsl.Dataset(uri=str(examples)),
        predictions=evaluated["predictions"],
        model_name="pets",
        model_root=str(tmp_path / "models"),
        target="",
        recipe="full",
        device="cpu",
        **outputs,
    )
    assert all((tmp_path / "step" / name).exists() for name in outputs)
    assert read_verdict(outputs["champion_verdict"].path).reason.startswith("no baseline: pets has no champion yet")
    assert outputs["champion_metrics"].metadata == {}
