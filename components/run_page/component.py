"""KFP faces of a run's page."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def write_run_page(kind: str, steps: list, version: str, images: dict, run_page: dsl.Output[dsl.HTML]) -> None:
    """Write the page of a run from what its steps kept, whatever has failed, and tell of it where that is set up.

    Parameters
    ----------
    kind
        Of the run: training or search.
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

    job(kind=kind, steps=steps, version=version, images=images, page_path=run_page.path, page_uri=run_page.uri)
