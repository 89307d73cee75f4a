"""KFP faces of a run's page."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def keep_results(
    step: str,
    report: dsl.Input[dsl.HTML] = None,  # type: ignore[assignment]
    metrics: dsl.Input[dsl.Metrics] = None,  # type: ignore[assignment]
    release: dsl.Input[dsl.Model] = None,  # type: ignore[assignment]
) -> None:
    """Keep what a step made for the page of its run; beside steps that no gate follows.

    Parameters
    ----------
    step
        The step's name, as people see it.
    report
        Its report.
    metrics
        Its metrics.
    release
        The model that it published.
    """
    from components.run_page.jobs import keep_results as job

    job(
        step=step,
        report_path=report and report.path,
        metrics_path=metrics and metrics.path,
        release=release and {"uri": release.uri, **release.metadata},
    )


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def write_run_page(steps: list, version: str, images: dict, run_page: dsl.Output[dsl.HTML]) -> None:
    """Write the page of a training run from what its steps kept, whatever has failed.

    Parameters
    ----------
    steps
        Names of the steps that leave something, in their order.
    version
        The images' version: a commit, or a release.
    images
        The images that the steps run in, by name.

    Returns
    -------
    run_page
        Outcome, gates, metrics, every step's report, and what was asked of the run.
    """
    from components.run_page.jobs import write_run_page as job

    job(steps=steps, version=version, images=images, page_path=run_page.path)
