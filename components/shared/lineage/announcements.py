"""What is announced of releases, to every account of models that is set: nothing is done where none is.

MLflow is set by the environment; the Kubeflow Model Registry by its address, which the problem file names.
"""

from components.shared.lineage import model_registry
from components.shared.lineage.mlflow_client import is_tracked, SERVICE, tracking_client
from components.shared.lineage.mlflow_releases import move_champion, register_release
from components.shared.lineage.released_model import ChampionMove, ReleasedModel
from components.shared.lineage.telling import tell

REGISTRY_VARIABLE = "PLUSZERO_MODEL_REGISTRY"

_MLFLOW_AT_MOST_S, _REGISTRY_AT_MOST_S = 60.0, 20.0


def announce_release(release: ReleasedModel, *, registry: str = "") -> None:
    """Announce a release; announcing it again changes nothing. An empty `registry` is none."""
    what = f"the release {release.version} of {release.model_name}"
    if is_tracked():
        tell(
            lambda: register_release(tracking_client(), release),
            service=SERVICE,
            of=what,
            at_most_s=_MLFLOW_AT_MOST_S,
        )
    if registry:
        tell(
            lambda: model_registry.register_in_registry(registry, release),
            service=model_registry.SERVICE,
            of=what,
            at_most_s=_REGISTRY_AT_MOST_S,
        )


def announce_champion(move: ChampionMove, *, registry: str = "") -> None:
    """Announce that a release has become the champion; announcing it again changes nothing."""
    what = f"the champion {move.release.version} of {move.release.model_name}"
    if is_tracked():
        tell(lambda: move_champion(tracking_client(), move), service=SERVICE, of=what, at_most_s=_MLFLOW_AT_MOST_S)
    if registry:
        tell(
            lambda: model_registry.move_in_registry(registry, move),
            service=model_registry.SERVICE,
            of=what,
            at_most_s=_REGISTRY_AT_MOST_S,
        )
