"""Which release of a model is in use: promoting one, and listing them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import json
from typing import Any

from components.shared.contracts.bundle import CONFIG_FILE
from components.shared.contracts.champion import Champion, promote, read_champion
from components.shared.contracts.operating_threshold import EVALUATION_FILE
from components.shared.contracts.releases import ModelReleases, open_releases, release_versions
from components.shared.runtime.this_user import this_user
from components.shared.tables.sources import readable_store_errors


@dataclass(frozen=True, kw_only=True, slots=True)
class Promotion:
    """What a promotion did.

    Attributes
    ----------
    former_version
        The champion before; None where there was none.
    champion
        The pointer as it now is.
    is_new
        False where that version was the champion already, and nothing was written.
    """

    former_version: str | None
    champion: Champion
    is_new: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedRelease:
    """One release of a model.

    Attributes
    ----------
    published_at
        When its files came to lie where they lie, in UTC.
    metric, value
        The target metric of its evaluation on the test split; None where the evaluation names none.
    """

    version: str
    published_at: datetime
    metric: str | None
    value: float | None
    is_champion: bool


def promote_release(
    *,
    model_root: str,
    model_name: str,
    version: str,
    reason: str,
    promoted_by: str | None = None,
    registry: str = "",
) -> Promotion:
    """Make a release the champion of its model.

    Parameters
    ----------
    model_root, model_name, version
        Which release: `MODEL_ROOT/NAME/VERSION`.
    reason
        Why, in words.
    promoted_by
        Who says so; by default the user of this process.
    registry
        The address of the Kubeflow Model Registry that is told of it; empty for none.

    Returns
    -------
    Promotion
        From what to what.

    Raises
    ------
    ValueError
        If the release is not there or not what its folder says, the pointer is damaged, another promotion came between,
        or nobody or no reason is named.
    FileNotFoundError
        If there is no model of that name.
    """
    releases = open_releases(model_root, model_name)
    before = read_champion(releases)
    former = before.version if before else None
    champion = promote(
        releases,
        version,
        expected=former,
        promoted_by=this_user() if promoted_by is None else promoted_by,
        reason=reason,
        registry=registry,
    )
    return Promotion(former_version=former, champion=champion, is_new=former != champion.version)


def list_releases(*, model_root: str, model_name: str) -> list[ListedRelease]:
    """Releases of a model, the newest first.

    Raises
    ------
    ValueError
        If name, root or champion pointer cannot be used.
    FileNotFoundError
        If there is no model of that name.
    """
    releases = open_releases(model_root, model_name)
    versions, champion = release_versions(releases), read_champion(releases)
    listed = [_listed(releases, version, champion) for version in versions]
    return sorted(listed, key=lambda release: (release.published_at, release.version), reverse=True)


def release_lines(releases: Sequence[ListedRelease]) -> list[str]:
    """Releases as a person reads them, a line each."""
    return [
        f"{'*' if release.is_champion else ' '} {release.version:<16}  {release.published_at:%Y-%m-%d %H:%M}  "
        + (f"{release.metric} {release.value:.4f}" if release.value is not None else "no target metric")
        + ("  champion" if release.is_champion else "")
        for release in releases
    ]


def _listed(releases: ModelReleases, version: str, champion: Champion | None) -> ListedRelease:
    folder = f"{releases.folder}/{version}"
    with readable_store_errors(f"the release {releases.uri_of(version)} must be a folder that can be read"):
        published_at = releases.filesystem.modified(f"{folder}/{CONFIG_FILE}")
        try:
            evaluation = json.loads(releases.filesystem.cat_file(f"{folder}/{EVALUATION_FILE}"))
        except (FileNotFoundError, ValueError):
            evaluation = None
    metric, value = _target_metric(evaluation)
    return ListedRelease(
        version=version,
        published_at=published_at,
        metric=metric,
        value=value,
        is_champion=champion is not None and champion.version == version,
    )


def _target_metric(evaluation: Any) -> tuple[str | None, float | None]:
    """Name and value of an evaluation's target metric; None where it has none."""
    try:
        metric = evaluation["target"]["metric"]
        return str(metric), float(evaluation["metrics"][metric])
    except (KeyError, TypeError, ValueError):
        return None, None
