"""What a server computes with: the fastest way whose answers are the model's, measured once for a machine."""

import json
import shutil

import numpy as np
import pytest
import torch

from components.modeling.onnx_export import onnx_network
from components.modeling.onnx_predictor import OnnxPredictor
from components.modeling.predictor import load_predictor, Predictor
from components.modeling.trial_rows import trial_inputs
from components.serving.server.backends import Backends
from components.serving.server.compute_speed import fastest_model
from components.serving.server.kept_speed import SPEED_FILE
from components.serving.traffic.batch_plan import MAX_ROWS
from components.shared.contracts.bundle import add_files, NETWORK_FILE


@pytest.fixture(autouse=True)
def threads_of_other_tests():
    """A server sets them for its whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def release(bundle_with_network, tmp_path):
    shutil.copytree(bundle_with_network, tmp_path / "release")
    (tmp_path / "release" / SPEED_FILE).unlink(missing_ok=True)
    return tmp_path / "release"


def fastest(path, **changes):
    return fastest_model(path, **{"device": "cpu", "num_threads": 1, "budget_s": 0.2, **changes})


def change_entry(release, **changes):
    content = json.loads((release / SPEED_FILE).read_text())
    content["measured"][0]["speed"].update(changes)
    (release / SPEED_FILE).write_text(json.dumps(content))


@pytest.mark.parametrize("name", ["bundle", "text_bundle", "table_bundle", "bundle_with_network"])
def test_the_answers_are_the_same_whatever_was_chosen(request, name, tmp_path):
    path, wanted = tmp_path / "model", load_predictor(request.getfixturevalue(name), device="cpu")
    shutil.copytree(request.getfixturevalue(name), path)

    model, speed = fastest(path)

    assert speed.backend in Backends(path, device="cpu", num_threads=1).names
    assert 1 <= speed.max_rows <= MAX_ROWS
    assert speed.row_s > 0
    rows = trial_inputs(model, 5)
    np.testing.assert_allclose(model.predict(rows).probabilities_BK, wanted.predict(rows).probabilities_BK, atol=1e-5)


def test_a_slow_model_is_not_computed_on_many_rows(bundle):
    assert fastest(bundle, budget_s=0.0)[1].max_rows <= 4


def test_a_second_start_on_the_same_hardware_does_not_measure_again(release):
    fastest(release)
    for backend, kind in (("eager", Predictor), ("onnxruntime", OnnxPredictor)):
        change_entry(release, backend=backend, max_rows=3, row_s=0.5)

        model, speed = fastest(release)

        assert (speed.backend, speed.max_rows, speed.row_s) == (backend, 3, 0.5)
        assert isinstance(model, kind)


def test_another_number_of_threads_is_measured_by_itself_and_both_are_kept(release):
    fastest(release)
    change_entry(release, max_rows=3, row_s=0.5)

    assert fastest(release, num_threads=2)[1].row_s != 0.5

    assert len(json.loads((release / SPEED_FILE).read_text())["measured"]) == 2
    assert fastest(release)[1].row_s == 0.5


@pytest.mark.parametrize("changes", [{"backend": "magic"}, {"max_rows": 0}, {"max_rows": "all"}, {"more": 1}])
def test_what_was_kept_is_not_believed_where_it_cannot_be(release, changes):
    fastest(release)
    change_entry(release, row_s=0.5, **changes)

    assert fastest(release)[1].row_s != 0.5


def test_a_folder_that_cannot_be_written_is_measured_again(release, caplog):
    (release / SPEED_FILE).mkdir()
    caplog.set_level("INFO")

    assert fastest(release)[1].row_s > 0

    assert "what was measured is not kept, and the next start measures again" in caplog.text


def test_a_graph_whose_answers_are_not_the_models_is_not_used(bundle, tmp_path, caplog):
    other = load_predictor(bundle, device="cpu")
    with torch.no_grad():
        other.classifier.head.bias[0] += 0.01
    add_files(bundle, tmp_path / "mixed", {NETWORK_FILE: onnx_network(other, trial_inputs(other, 2))})
    caplog.set_level("INFO")

    assert fastest(tmp_path / "mixed")[1].backend != "onnxruntime"
    assert "onnxruntime is not used: its answers differ by 0.00" in caplog.text

    assert fastest(tmp_path / "mixed", max_difference=0.1)[1].row_s > 0
    assert caplog.text.count("onnxruntime is not used") == 1
