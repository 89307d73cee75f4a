"""The KFP face of the gate."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def quality_gate(verdict: dsl.Input[dsl.Artifact]) -> None:
    """Stop the run when a check has failed; the check's report was written by the step before.

    Parameters
    ----------
    verdict
        The verdict file of the check.

    Raises
    ------
    QualityGateError
        If the check did not pass.
    """
    from components.quality_gate.jobs import quality_gate as job

    job(verdict_path=verdict.path)
