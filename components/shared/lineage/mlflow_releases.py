"""Releases in MLflow: a registered model's versions, and the alias `champion` on the one that is in use.

MLflow counts versions by itself; the tag `pluszero.version` says which release one is. A release that lies on a desk
has no place that the server would take, so that its version points at the run that made it.
"""

import os
from typing import TYPE_CHECKING

from components.shared.lineage.mlflow_client import new_run, RUN_VARIABLE
from components.shared.lineage.released_model import ChampionMove, ReleasedModel

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CHAMPION_ALIAS = "champion"
VERSION_TAG = "pluszero.version"
PLACE_TAG = "pluszero.storage_uri"
_FOLDER = "release"


def register_release(client: "MlflowClient", release: ReleasedModel) -> str:
    """Make a release a version of its registered model, once; returns MLflow's number of it."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(release.model_name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    wanted = f"name = '{release.model_name}' and tag.`{VERSION_TAG}` = '{release.version}'"
    if found := client.search_model_versions(wanted):
        return str(found[0].version)
    run_id = os.environ.get(RUN_VARIABLE) or None
    source = release.storage_uri
    if source.startswith("file:"):
        run_id = run_id or _run_of_release(client, release)
        source = f"runs:/{run_id}/{_FOLDER}"
    made = client.create_model_version(
        release.model_name,
        source,
        run_id=run_id,
        tags={VERSION_TAG: release.version, PLACE_TAG: release.storage_uri},
        description=f"Release {release.version}, at {release.storage_uri}.",
        await_creation_for=None,
    )
    if run_id and release.card:
        client.log_text(run_id, release.card, f"{_FOLDER}/model_card.md")
    return str(made.version)


def move_champion(client: "MlflowClient", move: ChampionMove) -> None:
    """Put the alias `champion` on a release's version, which is registered where it is not yet."""
    name, version = move.release.model_name, register_release(client, move.release)
    client.set_registered_model_alias(name, CHAMPION_ALIAS, version)
    for key, value in move.said().items():
        client.set_model_version_tag(name, version, f"pluszero.{key}", value)


def _run_of_release(client: "MlflowClient", release: ReleasedModel) -> str:
    run_id = new_run(client, f"release {release.model_name} {release.version}")
    client.set_terminated(run_id)
    return run_id
