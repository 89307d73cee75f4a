import json
import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.model_analysis.jobs.score_examples import score_examples
from components.model_analysis.scoring.table_columns import TableHints
from components.shared.contracts.predictions_table import PredictionsTable


@pytest.fixture
def score(model_dir, tmp_path):
    def run(source, **hints):
        return score_examples(
            source=str(source),
            model_path=model_dir,
            output_path=tmp_path / "out",
            hints=TableHints(**hints),
            device="cpu",
        )

    return run


def _json(path):
    return json.loads(path.read_text(encoding="utf-8"))


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


def test_photos_whose_label_the_topmost_folder_changes_are_listed(score, tmp_path, photo, caplog) -> None:
    _write_photos(tmp_path / "photos", photo, {"cat/1.jpg": "cat", "dog/1.jpg": "dog", "cat/dog/2.jpg": "cat"})
    with caplog.at_level(logging.WARNING):
        result = score(tmp_path / "photos")
    assert result.metrics["accuracy"] == 1.0
    assert [changed.example_id for changed in result.changed_labels] == ["cat/dog/2.jpg"]
    assert _json(tmp_path / "out" / "changed_labels.json") == [
        {"example_id": "cat/dog/2.jpg", "label": "cat", "label_before": "dog"}
    ]
    assert "this changes the label of 1, cat/dog/2.jpg (dog -> cat)" in caplog.text


def test_unreadable_images_are_listed_with_their_reasons(score, tmp_path, photo, caplog) -> None:
    _write_photos(tmp_path / "photos", photo, {"cat/1.jpg": "cat"})
    (tmp_path / "photos" / "cat" / "empty.jpg").write_bytes(b"")
    (tmp_path / "photos" / "cat" / "text.jpg").write_text("hello")
    (tmp_path / "photos" / "cat" / "new.heic").write_bytes(b"ftypheic")
    with open(tmp_path / "photos" / "cat" / "huge.jpg", "wb") as file:
        file.truncate((512 << 20) + 1)
    with caplog.at_level(logging.WARNING):
        result = score(tmp_path / "photos")
    unreadable = {entry["example_id"]: entry["reason"] for entry in _json(tmp_path / "out" / "unreadable.json")}
    assert result.num_unreadable == 4
    assert unreadable["cat/empty.jpg"] == "the file is empty"
    assert unreadable.pop("cat/huge.jpg") == "the file has 536,870,913 bytes, more than the 536,870,912 allowed"
    assert set(unreadable) == {"cat/empty.jpg", "cat/text.jpg", "cat/new.heic"}
    assert "cat/empty.jpg" in caplog.text


def test_a_folder_without_a_readable_image_is_bad_input(score, tmp_path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("hello")
    with pytest.raises(ValueError, match="must hold at least one readable example, 1 were tried"):
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
    result = score(tmp_path / "list.csv", label="truth")
    assert (result.num_examples, result.num_unreadable, result.metrics["accuracy"]) == (2, 1, 1.0)


def test_a_tampered_bundle_is_refused(tmp_path, photo, model_dir) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in model_dir.iterdir():
        (broken / file.name).write_bytes(file.read_bytes()[: -10 if file.suffix == ".safetensors" else None])
    _write_photos(tmp_path / "photos", photo, {"cat/1.jpg": "cat"})
    with pytest.raises(ValueError, match="truncated or changed"):
        score_examples(source=str(tmp_path / "photos"), model_path=broken, output_path=tmp_path / "out", device="cpu")
