"""What is announced of releases, to every account of models that is set: nothing is done where none is."""

from components.shared.lineage.mlflow_client import is_tracked, SERVICE, tracking_client
from components.shared.lineage.mlflow_releases import move_champion, register_release
from components.shared.lineage.released_model import ChampionMove, ReleasedModel
from components.shared.lineage.telling import tell

_AT_MOST_S = 60.0


def announce_release(release: ReleasedModel) -> None:
    """Announce a release; announcing it again changes nothing."""
    if is_tracked():
        tell(
            lambda: register_release(tracking_client(), release),
            service=SERVICE,
            of=f"the release {release.version} of {release.model_name}",
            at_most_s=_AT_MOST_S,
        )


def announce_champion(move: ChampionMove) -> None:
    """Announce that a release has become the champion; announcing it again changes nothing."""
    if is_tracked():
        tell(
            lambda: move_champion(tracking_client(), move),
            service=SERVICE,
            of=f"the champion {move.release.version} of {move.release.model_name}",
            at_most_s=_AT_MOST_S,
        )
