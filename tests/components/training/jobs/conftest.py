"""What the jobs of training are given."""

import pytest

from components.training.training_run import TrainingOutputs


@pytest.fixture
def outputs(tmp_path):
    """Where a training writes."""
    return TrainingOutputs(
        model=tmp_path / "model",
        report=tmp_path / "report.html",
        metrics=tmp_path / "metrics.json",
        logs=tmp_path / "logs",
    )
