"""The monitoring pipeline: a window of served traffic against what its model was trained on, with a gate after it."""

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.data_validation.component import check_monitoring_inputs, detect_drift
from pipelines.steps.gates import gate_after
from pipelines.steps.placement import (
    Access,
    called,
    LIGHT,
    MONITORING,
    on_cpu,
    retried,
    uncached,
    with_access,
    with_personal_key,
    WORKSPACE_CLAIM,
)

PIPELINE_NAME = "pluszero-monitoring"


def monitoring_pipeline() -> BaseComponent:
    """The monitoring pipeline, as kfp compiles it; it computes with no model, so it has one profile."""

    @dsl.pipeline(
        name=PIPELINE_NAME,
        description="Compare a window of served traffic with the data that its model was trained on.",
    )
    def monitoring(
        model_uri: str,
        serving_log_uri: str,
        data_fingerprint: str = "",
        window_start: str = "",
        window_end: str = "",
        settings: str = "",
        workspace_claim: str = WORKSPACE_CLAIM,
    ) -> None:
        """Find out whether what is served still looks like what was trained on.

        Parameters
        ----------
        model_uri
            The published model bundle: s3://bucket/models/pets/0123456789abcdef, or pvc://CLAIM/models/...
        serving_log_uri
            The folder or URI that the served requests are logged to.
        data_fingerprint
            Any text to find the run by, the log's version for one; the steps are never taken from a cache.
        window_start
            A time in ISO 8601, or -24h or -7d before the window's end; empty for the log's beginning.
        window_end
            A time in ISO 8601 that no longer belongs to the window; empty for the log's end.
        settings
            Drift settings as YAML or JSON; empty for the defaults.
        workspace_claim
            The volume claim that steps mount at /mnt/pluszero: the CLAIM of pvc:// URIs.
        """
        window = {
            "window_start": window_start,
            "window_end": window_end,
            "data_fingerprint": data_fingerprint,
        }
        access = Access(claim=workspace_claim)
        inputs = check_monitoring_inputs(
            model_uri=model_uri,
            serving_log_uri=serving_log_uri,
            settings=settings,
            workspace_claim=workspace_claim,
            **window,
        )
        # What is watched changes by itself: no cache may answer.
        with_access(called(uncached(on_cpu(inputs, LIGHT)), "check monitoring inputs"), access)

        drift = detect_drift(
            model_uri=inputs.outputs["model_uri"],
            serving_log_uri=inputs.outputs["serving_log_uri"],
            settings=inputs.outputs["settings"],
            **window,
        )
        # It reads from an object store.
        retried(called(uncached(on_cpu(drift, MONITORING)), "detect drift"), MONITORING, times=2)
        with_personal_key(with_access(drift, access))
        # It has one report, which is its page.
        gate_after(drift, "drift", step="", claim=workspace_claim)

    return monitoring
