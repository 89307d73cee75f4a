"""The compiled pipelines of a round of labelling."""

import pytest

from pipelines.compiling import compile_pipeline
from tests.pipelines.compiled_graph import documents, steps_of

PROFILES = ("cpu", "gpu")


def _steps(name, folder):
    return steps_of(documents(compile_pipeline(name, folder)))


@pytest.fixture(scope="module", params=PROFILES)
def labelling(tmp_path_factory, request):
    return _steps(f"labelling-{request.param}", tmp_path_factory.mktemp("labelling"))


@pytest.fixture(scope="module", params=PROFILES)
def learning(tmp_path_factory, request):
    return _steps(f"labelled-training-{request.param}", tmp_path_factory.mktemp("learning"))


def test_the_queue_is_written_behind_choice_and_guard(labelling):
    assert labelling["export-queue"].waits_for == {
        "check-labelling-inputs", "score-pool", "score-examples", "select-examples", "write-pseudo-labels",
    }  # fmt: skip
    assert labelling["export-queue"].argument("queue_uri") == "check-labelling-inputs.queue_uri"
    outside = ("check-labelling-inputs", "score-pool", "score-examples", "export-queue")
    assert all("enableCache" not in labelling[name].task["cachingOptions"] for name in outside)


def test_pool_and_table_are_scored_by_the_same_face_to_different_places(labelling):
    pool, known = labelling["score-pool"], labelling["score-examples"]
    assert pool.container["args"] == known.container["args"]
    assert pool.argument("dropout_passes") == "check-labelling-inputs.dropout_passes"
    assert known.argument("dropout_passes") == 0.0
    places = [step.argument("output_uri") for step in (pool, known)]
    assert [place.rpartition("-scores/")[2] for place in places] == ["pool", "examples"]


def test_nothing_is_trained_before_its_labels_and_data_are_checked(learning):
    gates = {"gate-labels", "gate-validation", "gate-smoke"}
    for name in ("train-model", "train-model-2"):
        assert gates <= learning[name].waits_for
    starts = {learning[name].argument("warm_start") for name in ("train-model", "train-model-2")}
    assert starts == {"open-queue.model_uri", ""}
    assert learning["check-inputs"].argument("backbone") == "open-queue.backbone"


def test_the_better_of_both_is_analysed_and_published(learning):
    assert {"train-model", "train-model-2", "evaluate-trained-on", "evaluate-trained-anew"} <= (
        learning["choose-model"].waits_for
    )
    assert "choose-model" in learning["evaluate-model"].waits_for
    judged = {"gate-analysis", "gate-champion", "gate-fairness", "gate-language-bias", "choose-model"}
    assert judged <= learning["publish-model"].waits_for


def test_what_the_model_labelled_is_merged_from_the_queue(learning):
    origin = learning["import-labels"].task["inputs"]["artifacts"]
    assert set(origin) == {"previous_examples", "pool", "model_labels"}
    assert learning["import-labels"].argument("labels_uri") == "open-queue.labels_uri"
