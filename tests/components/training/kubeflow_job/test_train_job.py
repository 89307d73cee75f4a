"""What a train job may be, and how it is called."""

import pytest

from components.training.kubeflow_job.train_job import train_job_name, TrainJob

GOOD = {"name": "train-abc", "command": ("torchrun", "train.py"), "image": "registry.example/x:v1", "timeout_s": 60}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Train"}, "name must be 1 to 50 small letters"),
        ({"name": "1-train"}, "start with a letter"),
        ({"name": "t" * 51}, "name must be 1 to 50"),
        ({"command": ()}, "command must name a program"),
        ({"num_nodes": 0}, "num_nodes must be at least 1, got 0"),
        ({"gpus_per_node": -1}, "gpus_per_node must be at least 0, got -1"),
        ({"timeout_s": 0}, "timeout_s must be at least 1, got 0"),
        ({"start_timeout_s": 0}, "start_timeout_s must be at least 1, got 0"),
        ({"environment": {"PET_NNODES": "2", "A": "b"}}, r"must leave PET_\* to the runtime, got PET_NNODES"),
    ],
)
def test_a_job_that_no_cluster_takes_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        TrainJob(**{**GOOD, **change})


@pytest.mark.parametrize(("num_gpus", "num_processes"), [(0, 1), (1, 1), (8, 8)])
def test_a_node_runs_one_process_a_gpu_and_one_where_there_is_none(num_gpus, num_processes):
    assert TrainJob(**GOOD, gpus_per_node=num_gpus).processes_per_node == num_processes


def test_a_run_has_one_job_name():
    run_key = "0123456789abcdef0123456789abcdef"
    assert train_job_name(run_key) == f"train-{run_key}"
    TrainJob(**{**GOOD, "name": train_job_name(run_key)})


@pytest.mark.parametrize("run_key", ["", "With-Capitals", "under_score", "-x", "x" * 45])
def test_a_run_key_that_is_no_part_of_a_name_is_refused(run_key):
    with pytest.raises(ValueError, match="run_key must be 1 to 44"):
        train_job_name(run_key)
