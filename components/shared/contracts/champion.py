"""The champion of a model: the pointer to the release that is in use, and the promotion that moves it.

The pointer is `MODEL_ROOT/NAME/champion`, JSON. Only a promotion writes it, whole: whoever reads meanwhile sees the old
one or the new one.
"""

from collections.abc import Mapping
import contextlib
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, UTC
import json
from typing import Any

from components.shared.contracts.conditional_put import put_where, where_unchanged
from components.shared.contracts.format_version import check_format_version
from components.shared.contracts.releases import check_release, is_release_name, ModelReleases
from components.shared.lineage.announcements import announce_champion
from components.shared.lineage.released_model import ChampionMove, ReleasedModel
from components.shared.runtime.durable_files import write_durably
from components.shared.runtime.errors import ContractError
from components.shared.runtime.folder_lock import folder_lock
from components.shared.tables.sources import readable_store_errors

FORMAT_VERSION = 1
CHAMPION_FILE = "champion"
_REMEDY = "delete it, and promote a version again"


class ChampionMovedError(ValueError):
    """The champion is another than the caller saw."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Champion:
    """The champion pointer of a model.

    Attributes
    ----------
    version
        The release in use.
    promoted_by, reason
        Who promoted it, and why.
    promoted_at
        When, ISO 8601 in UTC.
    former_version
        The champion before; None for a model's first.
    """

    version: str
    promoted_by: str
    promoted_at: str
    reason: str
    former_version: str | None

    def __post_init__(self) -> None:
        if not is_release_name(self.version):
            raise ContractError(f"version must be the name of a release, got {self.version!r}")
        if self.former_version is not None and not is_release_name(self.former_version):
            raise ContractError(f"former_version must be the name of a release or null, got {self.former_version!r}")
        for name in ("promoted_by", "reason"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ContractError(f"{name} must be said in words, got {value!r}")
        if not _is_utc(self.promoted_at):
            raise ContractError(f"promoted_at must be a time in UTC, in ISO 8601, got {self.promoted_at!r}")


def read_champion(releases: ModelReleases) -> Champion | None:
    """Read a model's champion pointer; None where no version was ever promoted.

    Raises
    ------
    ContractError
        If the pointer is damaged or of a newer version.
    ValueError
        If the store cannot be read.
    """
    where = releases.uri_of(CHAMPION_FILE)
    with readable_store_errors(f"the champion pointer {where} must be a file that can be read"):
        try:
            content = releases.filesystem.cat_file(f"{releases.folder}/{CHAMPION_FILE}")
        except FileNotFoundError:
            return None
    return _parsed(content, where)


def promote(
    releases: ModelReleases, version: str, *, expected: str | None, promoted_by: str, reason: str, registry: str = ""
) -> Champion:
    """Make a release the champion.

    Parameters
    ----------
    version
        The release; where it is the champion already, nothing is written.
    expected
        The champion that the caller saw, None where there was none: another one is never overwritten. A local folder is
        locked meanwhile, and S3 compares by itself. Where a store can do neither, two promotions within the same moment
        may both succeed; the last one stands.
    promoted_by, reason
        Who promotes it, and why.
    registry
        The address of the Kubeflow Model Registry that is told of it; empty for none. One that is out of reach, or
        MLflow where it is set up, is a warning.

    Returns
    -------
    Champion
        The pointer as it now is.

    Raises
    ------
    FileNotFoundError
        If there is no model of that name.
    ValueError
        If there is no such version, nobody or no reason is named, or the store cannot be read or written.
    ContractError
        If the folder holds another version, or the pointer is damaged.
    ChampionMovedError
        If the champion is not the expected one.
    """
    check_release(releases, version)
    with folder_lock(releases.folder) if releases.is_local else contextlib.nullcontext():
        condition = _write_condition(releases)  # before the pointer is read: a later one would cover an unseen change
        before = read_champion(releases)
        _check_expected(before, expected, releases)
        if before is not None and before.version == version:
            champion = before
        else:
            champion = Champion(
                version=version,
                promoted_by=promoted_by,
                promoted_at=datetime.now(UTC).isoformat(timespec="seconds"),
                reason=reason,
                former_version=expected,
            )
            _write(releases, champion, condition)
    # Also where it was written before: by one who ended before it was announced.
    announce_champion(_move(releases, champion), registry=registry)
    return champion


def _move(releases: ModelReleases, champion: Champion) -> ChampionMove:
    release = ReleasedModel(
        model_name=releases.model_name,
        version=champion.version,
        storage_uri=releases.storage_uri_of(champion.version),
    )
    return ChampionMove(
        release=release,
        former_version=champion.former_version,
        promoted_by=champion.promoted_by,
        promoted_at=champion.promoted_at,
        reason=champion.reason,
    )


def _is_utc(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).utcoffset() == timedelta(0)
    except ValueError:
        return False


def _parsed(content: bytes, where: str) -> Champion:
    try:
        values = json.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ContractError(f"the champion pointer {where} must be JSON in UTF-8: {error}; {_REMEDY}") from error
    if not isinstance(values, dict):
        raise ContractError(
            f"the champion pointer {where} must be a JSON object, got {type(values).__name__}; {_REMEDY}"
        )
    check_format_version(
        values.pop("format_version", None), newest=FORMAT_VERSION, contract="the champion pointer", where=where
    )
    wanted = set(Champion.__dataclass_fields__)
    if set(values) != wanted:
        different = sorted(set(values) ^ wanted)[0]
        raise ContractError(
            f"the champion pointer {where} must have the keys {', '.join(sorted(wanted))}; {different!r} is missing or "
            f"unknown; {_REMEDY}"
        )
    try:
        return Champion(**values)
    except ContractError as error:
        raise ContractError(f"the champion pointer {where} is damaged: {error}; {_REMEDY}") from error


def _check_expected(found: Champion | None, expected: str | None, releases: ModelReleases) -> None:
    if (found.version if found else None) == expected:
        return
    since = f"{found.version}, promoted by {found.promoted_by} at {found.promoted_at}" if found else "none"
    raise ChampionMovedError(
        f"the champion of {releases.model_name} must still be {expected or 'none'}, but it is {since}: "
        "look at it, then promote again"
    )


def _write_condition(releases: ModelReleases) -> Mapping[str, Any]:
    """What makes a store refuse to write over a pointer other than the one that is there now; empty where it cannot."""
    where = releases.uri_of(CHAMPION_FILE)
    with readable_store_errors(f"the champion pointer {where} must be a file that can be read"):
        return where_unchanged(releases.filesystem, f"{releases.folder}/{CHAMPION_FILE}")


def _write(releases: ModelReleases, champion: Champion, condition: Mapping[str, Any]) -> None:
    where, path = releases.uri_of(CHAMPION_FILE), f"{releases.folder}/{CHAMPION_FILE}"
    described = {"format_version": FORMAT_VERSION, **asdict(champion)}
    content = (json.dumps(described, ensure_ascii=False, indent=2) + "\n").encode()
    with readable_store_errors(f"the champion pointer {where} must be a file that can be written"):
        if releases.is_local:
            write_durably(path, content)
            return
        is_written = put_where(releases.filesystem, path, content, condition)
    # A client that got no answer asks again, and is refused by what it has written itself.
    if not is_written and read_champion(releases) != champion:
        raise ChampionMovedError(
            f"the champion of {releases.model_name} must still be {champion.former_version or 'none'}, but another "
            "version was promoted at the same time: look at it, then promote again"
        )
