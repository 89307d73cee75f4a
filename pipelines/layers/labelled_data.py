"""The layer `labelled-data`: what people labelled becomes a new version of the examples, checked and prepared."""

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.active_learning.component import import_labels
from pipelines.layers.data import DataOutputs, validated_and_prepared
from pipelines.steps.gates import gate_after
from pipelines.steps.placement import (
    Access,
    called,
    data_size,
    on_cpu,
    retried,
    uncached,
    with_access,
    with_personal_key,
)


def labelled_data_layer() -> BaseComponent:
    """The layer, as kfp compiles it."""

    @dsl.pipeline(name="labelled-data", description="Merge what people labelled, validate, and prepare every example.")
    def labelled_data(
        previous_examples: dsl.Input[dsl.Dataset],
        pool: dsl.Input[dsl.Dataset],
        model_labels: dsl.Input[dsl.Dataset],
        queue_uri: str,
        labels_uri: str,
        backbone: str,
        preparation: str,
        feature_dir: str,
        workspace_claim: str,
        secret: str,
        cpu: str,
        cpu_limit: str,
        memory: str,
        memory_limit: str,
    ) -> DataOutputs:  # type: ignore[valid-type]
        """From labels to a feature store.

        Parameters
        ----------
        previous_examples, pool
            The table that the labels are for, and the pool that rows come from.
        model_labels
            Labels by the model that the guard admitted.
        queue_uri, labels_uri
            The queue, and what people filled in.
        backbone
            The network that examples are prepared for.
        preparation
            How examples are prepared, as JSON.
        feature_dir
            A folder of the workspace for prepared examples; empty passes them between steps as a copy.
        workspace_claim
            The volume claim that steps mount.
        secret
            The secret for outside data.
        cpu, cpu_limit, memory, memory_limit
            What steps ask of a node, and the most that they may take.
        """
        size = data_size(cpu, cpu_limit, memory, memory_limit)
        imported = import_labels(
            previous_examples=previous_examples,
            pool=pool,
            model_labels=model_labels,
            queue_uri=queue_uri,
            labels_uri=labels_uri,
        )
        # What people fill in changes by itself: no cache may answer.
        called(uncached(retried(on_cpu(imported, size), size, times=2)), "import labels")
        with_personal_key(with_access(imported, Access(claim=workspace_claim, secret=secret)))
        gate = gate_after(imported, "labels", step="import labels", claim=workspace_claim)
        return validated_and_prepared(
            imported,
            gate,
            backbone=backbone,
            preparation=preparation,
            feature_dir=feature_dir,
            size=size,
            claim=workspace_claim,
        )

    return labelled_data
