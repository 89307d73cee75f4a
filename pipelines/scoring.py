"""The scoring pipeline: batch inference, a predictions table of many examples with a published model."""

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.model_analysis.component import score_examples
from pipelines.steps.placement import (
    Access,
    called,
    device_of,
    on_gpu,
    ProfileName,
    retried,
    SCORING,
    uncached,
    with_access,
    with_personal_key,
    WORKSPACE_CLAIM,
)

PIPELINE_NAME = "pluszero-scoring"


def scoring_pipeline(profile: ProfileName) -> BaseComponent:
    """The scoring pipeline for one kind of cluster, as kfp compiles it."""

    @dsl.pipeline(name=PIPELINE_NAME, description="Score many examples with a published model, resumably.")
    def scoring(
        examples_uri: str,
        model_uri: str,
        output_uri: str,
        problem: str = "",
        dropout_passes: int = 0,
        workspace_claim: str = WORKSPACE_CLAIM,
    ) -> None:
        """Write the predictions of a published model on a table, a pool of examples or a folder of photos.

        Parameters
        ----------
        examples_uri
            An example table, a table file or a folder of photos: a path, s3://bucket/pool or pvc://CLAIM/pool.
        model_uri
            The published model bundle: s3://bucket/models/pets/0123456789abcdef, or pvc://CLAIM/models/...
        output_uri
            The folder or URI to write: a predictions table, and metrics where labels are known. A run that was stopped
            goes on there.
        problem
            The problem file, where the data need one to be read: YAML or JSON, or its URI.
        dropout_passes
            How often each example is answered with dropout, for the column mutual_information; 0 for not at all.
        workspace_claim
            The volume claim that steps mount at /mnt/pluszero: the CLAIM of pvc:// URIs.
        """
        scored = score_examples(
            examples_uri=examples_uri,
            model_uri=model_uri,
            output_uri=output_uri,
            problem=problem,
            dropout_passes=dropout_passes,
            workspace_claim=workspace_claim,
            device=device_of(profile),
        )
        # What is at a URI changes by itself: no cache may answer.
        uncached(on_gpu(called(scored, "score examples"), SCORING, profile=profile))
        with_personal_key(with_access(retried(scored, SCORING, times=3), Access(claim=workspace_claim)))

    return scoring
