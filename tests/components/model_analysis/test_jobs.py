import json
import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.model_analysis.jobs import evaluate_model, score_images
from components.modeling.predictor import load_predictor
from components.shared.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.predictions_table import PredictionsTable
from components.shared.problem import TargetSpec
from components.shared.verdict import read_verdict

GOOD_ROWS = [(split, kind, kind) for split in ("train", "validation", "test") for kind in ("cat", "dog") * 5]


@pytest.fixture
def evaluate(model_dir, tmp_path):
    def run(examples_path, *, target=None, out="out"):
        return evaluate_model(
            examples_path=examples_path,
            model_path=model_dir,
            target=target or TargetSpec(),
            predictions_path=tmp_path / out / "predictions",
            evaluation_path=tmp_path / out / "evaluation.json",
            report_path=tmp_path / out / "report.html",
            verdict_path=tmp_path / out / "verdict.json",
            metrics_path=tmp_path / out / "metrics.json",
            classification_metrics_path=tmp_path / out / "classification_metrics.json",
            device="cpu",
        )

    return run


@pytest.fixture
def score(model_dir, tmp_path):
    def run(source, **columns):
        return score_images(
            source=str(source), model_path=model_dir, output_path=tmp_path / "out", device="cpu", **columns
        )

    return run


def _json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_good_model_passes_and_leaves_every_file(evaluate, make_table, tmp_path) -> None:
    result = evaluate(make_table(GOOD_ROWS), target=TargetSpec(minimum=0.9))
    assert result.passed
    assert result.metrics["accuracy"] == 1.0
    assert result.confusion == [[5, 0], [0, 5]]
    assert result.class_names == ["cat", "dog"]
    assert len(result.roc[0]) == len(result.roc[1]) == len(result.roc[2]) > 1
    assert read_verdict(tmp_path / "out" / "verdict.json").passed
    assert _json(tmp_path / "out" / "metrics.json") == result.metrics
    assert _json(tmp_path / "out" / "classification_metrics.json")["confusion"] == result.confusion
    assert "Passed" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_predictions_hold_the_held_out_splits_with_embeddings_and_slices(
    evaluate, make_table, model_dir, tmp_path, photo
) -> None:
    evaluate(make_table(GOOD_ROWS))
    table = PredictionsTable(tmp_path / "out" / "predictions")
    rows = table.read(["example_id", "split", "label", "predicted", "embedding", "camera"]).to_pylist()
    assert [row["split"] for row in rows] == ["validation"] * 10 + ["test"] * 10
    assert rows[0]["example_id"] == "example-10"
    assert table.slice_columns == ("camera",)
    assert all(row["label"] == row["predicted"] for row in rows)
    predictor = load_predictor(model_dir, device="cpu")
    expected = predictor.predict(predictor.prepare([photo("cat", 10)]))
    np.testing.assert_allclose(table.probabilities()[0], expected.probabilities_BK[0], atol=1e-5)
    np.testing.assert_allclose(rows[0]["embedding"], expected.embeddings_BD[0], rtol=1e-3, atol=1e-4)


def test_a_missed_target_is_a_result(evaluate, make_table, tmp_path) -> None:
    rows = [("test", "cat", "cat"), ("test", "cat", "dog"), ("test", "dog", "dog"), ("test", "dog", "cat")]
    result = evaluate(make_table(rows), target=TargetSpec(minimum=0.9))
    assert not result.passed
    assert "accuracy 0.500 on 4 test examples is below the minimum 0.9" in result.reason
    assert not read_verdict(tmp_path / "out" / "verdict.json").passed
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "cat → dog" in html
    assert "dog → cat" in html


def test_unlabelled_unknown_and_unreadable_examples_are_left_out_and_counted(evaluate, make_table, tmp_path) -> None:
    rows = [("test", kind, kind) for kind in ("cat", "dog")]
    rows += [("test", None, "cat"), ("test", "bird", "bird"), ("test", "cat", "damaged"), ("validation", None, "dog")]
    result = evaluate(make_table(rows, class_names=("bird", "cat", "dog")))
    evaluation = _json(tmp_path / "out" / "evaluation.json")
    assert result.metrics["accuracy"] == 1.0
    counts = [evaluation[name] for name in ("num_labelled", "num_unlabelled", "num_unknown_label", "num_unreadable")]
    assert counts == [2, 1, 1, 1]
    assert PredictionsTable(tmp_path / "out" / "predictions").num_rows == 5


def test_an_empty_test_split_is_nothing_to_judge(evaluate, make_table, tmp_path) -> None:
    result = evaluate(make_table([("train", "cat", "cat"), ("validation", "dog", "dog")]))
    assert not result.passed
    assert "nothing to judge" in result.reason
    assert result.metrics == {}
    assert result.roc == ([], [], [])
    assert _json(tmp_path / "out" / "evaluation.json")["metrics"]["accuracy"] is None
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_test_split_of_one_class_is_evaluated(evaluate, make_table, tmp_path) -> None:
    result = evaluate(make_table([("test", "dog", "dog")] * 3), target=TargetSpec(minimum=0.9))
    assert result.passed
    assert "roc_auc" not in result.metrics
    assert result.roc == ([], [], [])


def test_one_run_gives_the_same_files_as_another(evaluate, make_table, tmp_path) -> None:
    table = make_table(GOOD_ROWS)
    evaluate(table, out="first")
    evaluate(table, out="second")
    for name in ("evaluation.json", "report.html", "verdict.json", "metrics.json"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_the_target_and_the_validation_split_are_in_the_evaluation(evaluate, make_table, tmp_path) -> None:
    evaluate(make_table(GOOD_ROWS), target=TargetSpec(metric="macro_f1", minimum=0.5))
    evaluation = _json(tmp_path / "out" / "evaluation.json")
    assert evaluation["format_version"] == 1
    assert evaluation["target"] == {"metric": "macro_f1", "minimum": 0.5}
    assert evaluation["validation"]["num_labelled"] == 10
    assert evaluation["validation"]["metrics"]["accuracy"] == 1.0


def test_a_table_of_texts_is_refused(evaluate, tmp_path) -> None:
    info = ExampleTableInfo(modality="text", class_names=("a", "b"), column_roles={})
    with ExampleTableWriter(tmp_path / "texts", info, extra_columns={}) as writer:
        names = ["example_id", "split", "label", "text"]
        writer.write(pa.RecordBatch.from_arrays([pa.array([value]) for value in ("1", "test", "a", "hello")], names))
    with pytest.raises(ValueError, match="must hold images, got the modality text"):
        evaluate(tmp_path / "texts")


def test_a_missing_table_is_said(evaluate, tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="example_table must be a folder"):
        evaluate(tmp_path / "absent")


def _write_photos(folder, photo, names):
    for seed, (name, kind) in enumerate(names.items()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(photo(kind, seed))


def test_a_folder_of_class_folders_is_scored(score, tmp_path, photo) -> None:
    names = {"x/Cat/1.jpg": "cat", "x/Cat/2.jpg": "dog", "x/dog/1.jpg": "dog", "x/dog/deep/2.png": "dog"}
    _write_photos(tmp_path / "photos", photo, names)
    result = score(tmp_path / "photos")
    metrics = _json(tmp_path / "out" / "metrics.json")
    assert result.metrics["accuracy"] == metrics["accuracy"] == 0.75
    assert (metrics["num_examples"], metrics["num_labelled"], metrics["num_unreadable"]) == (4, 4, 0)
    assert [figures["support"] for figures in metrics["per_class"]] == [2, 2]
    rows = PredictionsTable(tmp_path / "out" / "predictions").read(["example_id", "label", "predicted"]).to_pylist()
    assert rows[1] == {"example_id": "x/Cat/2.jpg", "label": "cat", "predicted": "dog"}


def test_kaggle_names_are_labels(score, tmp_path, photo) -> None:
    _write_photos(tmp_path / "photos", photo, {"cat.1.jpg": "cat", "dog.2.jpg": "dog"})
    assert score(tmp_path / "photos").metrics["accuracy"] == 1.0


def test_unlabelled_photos_are_scored_without_metrics(score, tmp_path, photo) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "metrics.json").write_text("of an earlier run")
    (tmp_path / "out" / "mine.txt").write_text("kept")
    _write_photos(tmp_path / "photos", photo, {"IMG_1.jpg": "cat", "whatever": "dog"})
    result = score(tmp_path / "photos")
    assert (result.num_examples, result.num_labelled, result.metrics) == (2, 0, {})
    assert not (tmp_path / "out" / "metrics.json").exists()
    assert (tmp_path / "out" / "mine.txt").read_text() == "kept"
    assert PredictionsTable(tmp_path / "out" / "predictions").read(["predicted"]).column(0).to_pylist() == [
        "cat",
        "dog",
    ]


def test_an_unknown_class_is_kept_as_a_row_and_left_out_of_accuracy(score, tmp_path, photo) -> None:
    _write_photos(tmp_path / "photos", photo, {"cat/1.jpg": "cat", "bird/2.jpg": "bird"})
    result = score(tmp_path / "photos")
    assert (result.num_examples, result.num_labelled, result.num_unknown_label) == (2, 1, 1)
    assert result.metrics["accuracy"] == 1.0
    labels = PredictionsTable(tmp_path / "out" / "predictions").read(["label"]).column(0).to_pylist()
    assert labels == ["bird", "cat"]


def test_unreadable_images_are_listed_with_their_reasons(score, tmp_path, photo, caplog) -> None:
    _write_photos(tmp_path / "photos", photo, {"cat/1.jpg": "cat"})
    (tmp_path / "photos" / "cat" / "empty.jpg").write_bytes(b"")
    (tmp_path / "photos" / "cat" / "text.jpg").write_text("hello")
    (tmp_path / "photos" / "cat" / "new.heic").write_bytes(b"ftypheic")
    with caplog.at_level(logging.WARNING):
        result = score(tmp_path / "photos")
    unreadable = {entry["example_id"]: entry["reason"] for entry in _json(tmp_path / "out" / "unreadable.json")}
    assert result.num_unreadable == 3
    assert unreadable["cat/empty.jpg"] == "the file is empty"
    assert set(unreadable) == {"cat/empty.jpg", "cat/text.jpg", "cat/new.heic"}
    assert "cat/empty.jpg" in caplog.text


def test_a_folder_without_a_readable_image_is_bad_input(score, tmp_path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("hello")
    with pytest.raises(ValueError, match="must hold at least one readable image, 1 were tried"):
        score(tmp_path / "photos")
    assert len(_json(tmp_path / "out" / "unreadable.json")) == 1


def test_an_example_table_is_scored_split_by_split(score, make_table, tmp_path) -> None:
    rows = [("train", "cat", "cat"), ("train", "dog", "dog"), ("test", "cat", "dog"), ("test", "cat", "cat")]
    result = score(make_table(rows))
    metrics = _json(tmp_path / "out" / "metrics.json")
    assert result.metrics["accuracy"] == 0.75
    assert metrics["splits"] == {
        "test": {"num_labelled": 2, "accuracy": 0.5},
        "train": {"num_labelled": 2, "accuracy": 1.0},
    }


def test_a_parquet_table_of_encoded_images_is_scored(score, tmp_path, photo) -> None:
    columns = {"image": [photo("cat"), photo("dog"), b"no image"], "label": ["CAT", "dog", "dog"]}
    pq.write_table(pa.table(columns), tmp_path / "photos.parquet")
    result = score(tmp_path / "photos.parquet")
    assert (result.num_examples, result.num_unreadable, result.metrics["accuracy"]) == (2, 1, 1.0)


def test_a_list_of_files_is_scored(score, tmp_path, photo) -> None:
    _write_photos(tmp_path, photo, {"a/1.jpg": "cat", "a/2.jpg": "dog"})
    (tmp_path / "list.csv").write_text("file,truth\na/1.jpg,cat\na/2.jpg,dog\na/absent.jpg,dog\n")
    result = score(tmp_path / "list.csv", label_column="truth")
    assert (result.num_examples, result.num_unreadable, result.metrics["accuracy"]) == (2, 1, 1.0)


def test_a_tampered_bundle_is_refused(tmp_path, photo, model_dir) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in model_dir.iterdir():
        (broken / file.name).write_bytes(file.read_bytes()[: -10 if file.suffix == ".safetensors" else None])
    _write_photos(tmp_path / "photos", photo, {"cat/1.jpg": "cat"})
    with pytest.raises(ValueError, match="truncated or changed"):
        score_images(source=str(tmp_path / "photos"), model_path=broken, output_path=tmp_path / "out", device="cpu")
