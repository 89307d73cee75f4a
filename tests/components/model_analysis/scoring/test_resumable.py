"""A try to score that was stopped, and the one after it."""

import json

import fsspec
from kfp import dsl
import pytest

from components.model_analysis.component import score_examples as face
from components.model_analysis.jobs.score_examples import score_examples
from components.model_analysis.scoring import resumable
from components.model_analysis.scoring.example_batches import BATCH_ROWS
from components.shared.contracts.predictions_table import PredictionsTable


class LostNodeError(Exception):
    """What ends a try in the middle."""


@pytest.fixture
def photos(tmp_path, photo, monkeypatch):
    """Eleven photos, one of them damaged, scored two at a time."""
    monkeypatch.setitem(BATCH_ROWS, "image", 2)
    for seed in range(10):
        kind = ("cat", "dog")[seed % 2]
        (tmp_path / "photos" / kind).mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / kind / f"{seed}.jpg").write_bytes(photo(kind, seed))
    (tmp_path / "photos" / "cat" / "torn.jpg").write_bytes(b"torn")
    return tmp_path / "photos"


@pytest.fixture
def tries(photos, model_dir, monkeypatch):
    """Scores, and stops after some parts where told so; the sizes of the parts that were scored are kept."""
    scored, write_scored = [], resumable.write_scored

    def score(output, *, stop_after=None, source=photos, model=model_dir, dropout_passes=0):
        scored.clear()

        def write(chunk, *arguments, **options):
            if stop_after is not None and len(scored) == stop_after:
                raise LostNodeError
            scored.append(sum(map(len, chunk)))
            return write_scored(chunk, *arguments, **options)

        monkeypatch.setattr(resumable, "write_scored", write)
        return score_examples(
            source=str(source),
            model_path=str(model),
            output_path=str(output),
            device="cpu",
            part_examples=4,
            dropout_passes=dropout_passes,
        )

    score.scored = scored
    return score


@pytest.fixture
def memory():
    """An object store in this process."""
    yield "memory://bucket"
    fsspec.filesystem("memory").store.clear()


def table_of(folder):
    return PredictionsTable(folder / "predictions").read()


def test_what_was_scored_is_not_scored_again_and_the_table_is_the_same(tries, tmp_path):
    whole = tries(tmp_path / "whole")
    assert tries.scored == [4, 4, 3]
    with pytest.raises(LostNodeError):
        tries(tmp_path / "out", stop_after=2)
    assert not (tmp_path / "out" / "predictions").exists()
    resumed = tries(tmp_path / "out")
    assert tries.scored == [3]
    assert resumed == whole
    assert (resumed.num_examples, resumed.num_unreadable) == (10, 1)
    assert table_of(tmp_path / "out").equals(table_of(tmp_path / "whole"))
    assert not (tmp_path / "out" / "parts").exists()
    unreadable = json.loads((tmp_path / "out" / "unreadable.json").read_text())
    assert [item["example_id"] for item in unreadable] == ["cat/torn.jpg"]
    assert "Where labels are known" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_mutual_information_is_the_same_after_a_stop(tries, tmp_path):
    tries(tmp_path / "whole", dropout_passes=3)
    with pytest.raises(LostNodeError):
        tries(tmp_path / "out", stop_after=2, dropout_passes=3)
    tries(tmp_path / "out", dropout_passes=3)
    assert tries.scored == [3]
    assert table_of(tmp_path / "out").equals(table_of(tmp_path / "whole"))
    told = table_of(tmp_path / "out").column("mutual_information").to_numpy()
    assert (told >= 0).all()
    assert told.max() > 0


def test_parts_without_mutual_information_are_no_parts_of_a_table_with_it(tries, tmp_path):
    with pytest.raises(LostNodeError):
        tries(tmp_path / "out", stop_after=2)
    tries(tmp_path / "out", dropout_passes=2)
    assert tries.scored == [4, 4, 3]


def test_one_dropout_pass_is_refused(tries, tmp_path):
    with pytest.raises(ValueError, match="dropout passes must be at least 2, got 1"):
        tries(tmp_path / "out", dropout_passes=1)


def test_parts_of_other_data_or_another_model_are_thrown_away(tries, tmp_path, photos):
    with pytest.raises(LostNodeError):
        tries(tmp_path / "out", stop_after=2)
    (photos / "cat" / "torn.jpg").unlink()
    tries(tmp_path / "out")
    assert tries.scored == [4, 4, 2]


def test_a_part_that_is_not_whole_is_scored_again_with_all_after_it(tries, tmp_path):
    with pytest.raises(LostNodeError):
        tries(tmp_path / "out", stop_after=2)
    (tmp_path / "out" / "parts" / "00000" / "shard-00000.parquet").write_bytes(b"torn")
    tries(tmp_path / "out")
    assert tries.scored == [4, 4, 3]
    assert table_of(tmp_path / "out").num_rows == 10


def test_data_model_and_output_may_lie_in_a_store(tries, tmp_path, photos, model_dir, memory):
    store = fsspec.filesystem("memory")
    store.put(f"{photos}/", "/bucket/photos/", recursive=True)
    store.put(f"{model_dir}/", "/bucket/model/", recursive=True)
    given = {"source": f"{memory}/photos", "model": f"{memory}/model"}
    with pytest.raises(LostNodeError):
        tries(f"{memory}/out", stop_after=1, **given)
    assert store.exists("/bucket/out/parts/00000/part.json")
    result = tries(f"{memory}/out", **given)
    assert tries.scored == [4, 3]
    assert (result.num_examples, result.num_unreadable) == (10, 1)
    left = {name.removeprefix("/bucket/out/") for name in store.find("/bucket/out")}
    assert left == {
        *(f"predictions/shard-0000{number}.parquet" for number in range(3)),
        *("metrics.json", "report.html", "unreadable.json", "changed_labels.json", "failed_repairs.json"),
    }
    store.get("/bucket/out/predictions/", f"{tmp_path / 'got' / 'predictions'}/", recursive=True)
    tries(tmp_path / "whole")
    assert table_of(tmp_path / "got").equals(table_of(tmp_path / "whole"))


def test_another_claim_than_the_mounted_one_is_refused(tmp_path, model_dir):
    with pytest.raises(ValueError, match="output_uri must"):
        score_examples(
            source=str(tmp_path), model_path=model_dir, output_path="pvc://others/out", workspace_claim="ours"
        )


def test_nothing_there_is_said(tmp_path, model_dir, memory):
    with pytest.raises(FileNotFoundError, match="there is nothing at memory://bucket/none"):
        score_examples(source=f"{memory}/none", model_path=model_dir, output_path=tmp_path / "out")


def test_the_face_writes_its_report_and_figures(tmp_path, photos, model_dir):
    outputs = {
        name: kind(name=name, uri=str(tmp_path / "step" / name), metadata={})
        for name, kind in (
            ("predictions", dsl.Dataset),
            ("scoring_report", dsl.HTML),
            ("scoring_metrics", dsl.Metrics),
        )
    }
    face.python_func(
        examples_uri=str(photos),
        model_uri=str(model_dir),
        output_uri=str(tmp_path / "out"),
        problem="modality: image",
        dropout_passes=0,
        workspace_claim="pluszero-workspace",
        device="cpu",
        **outputs,
    )
    assert "Probability of the answer" in (tmp_path / "step" / "scoring_report").read_text(encoding="utf-8")
    figures = outputs["scoring_metrics"].metadata
    assert (figures["num_examples"], figures["num_unreadable"], figures["num_labelled"]) == (10, 1, 10)
    assert "accuracy" in figures
    assert PredictionsTable(tmp_path / "step" / "predictions").num_rows == 10


def test_what_fails_behind_the_last_part_costs_no_scoring(tries, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("components.model_analysis.jobs.score_examples.scoring_report", full)
        with pytest.raises(OSError, match="no space left"):
            tries(tmp_path / "out")
    assert tries.scored == [4, 4, 3]
    result = tries(tmp_path / "out")
    assert tries.scored == []
    assert (result.num_examples, result.num_unreadable) == (10, 1)
    assert table_of(tmp_path / "out").num_rows == 10
    assert not (tmp_path / "out" / "parts").exists()


def test_a_part_that_lacks_rows_is_scored_again(tries, tmp_path):
    with pytest.raises(LostNodeError):
        tries(tmp_path / "out", stop_after=2)
    record = tmp_path / "out" / "parts" / "00001" / "part.json"
    said = json.loads(record.read_text())
    record.write_text(json.dumps({**said, "num_rows": said["num_rows"] + 3}))
    tries(tmp_path / "out")
    assert tries.scored == [4, 3]
    assert table_of(tmp_path / "out").num_rows == 10


def test_a_folder_that_scoring_did_not_make_is_left_alone(tries, tmp_path, photos):
    (tmp_path / "out" / "parts").mkdir(parents=True)
    (tmp_path / "out" / "parts" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(ValueError, match="parts must be what scoring left, but is something else"):
        tries(tmp_path / "out")
    assert (tmp_path / "out" / "parts" / "mine.jpg").is_file()
    with pytest.raises(ValueError, match="the output must lie outside the data that are scored"):
        tries(photos / "scores")
