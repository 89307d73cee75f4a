"""What a training on several nodes asks for before it launches anything."""

import pytest

from components.training.jobs.train_on_nodes import Nodes, train_on_nodes, TrainingInputs


def test_nodes_must_see_features_and_checkpoints(stripes_store, outputs):
    with pytest.raises(ValueError, match="the feature store must lie on the workspace, /mnt/pluszero, where all nodes"):
        train_on_nodes(
            TrainingInputs(features=stripes_store),
            outputs,
            Nodes(
                image="localhost/pluszero-mlops-training:dev",
                workspace_claim="pluszero-workspace",
                secret="pluszero-object-store",
            ),
            recipe="smoke",
            training='{"num_nodes": 3}',
            seed=0,
            checkpoint_dir="s3://bucket/checkpoints",
        )
