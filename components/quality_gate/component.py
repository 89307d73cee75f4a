"""The KFP face of the gate."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def quality_gate(
    step: str,
    verdict: dsl.Input[dsl.Artifact],
    metrics: dsl.Input[dsl.Metrics],
    report: dsl.Input[dsl.HTML],
) -> None:
    """Stop the run when a check has failed; the check's report was written by the step before.

    On a cluster it also keeps what the check made, for the page of the run.

    Parameters
    ----------
    step
        Name of the step that checked, as people see it; empty where its run has no page.
    verdict
        The verdict file of the check.
    metrics
        The check's metrics.
    report
        The check's report.

    Raises
    ------
    QualityGateError
        If the check did not pass.
    """
    from components.quality_gate.jobs import quality_gate as job

    job(step=step, verdict_path=verdict.path, metrics_path=metrics.path, report_path=report.path)
