"""A release in an object store, which has no renames: files one by one, and the bundle's config last.

Until the config is there, nobody takes the folder for a release. The next publish of the same version writes over what
a killed one left; that of another version removes it once nothing was written to it for a day: object stores have no
locks.
"""

from datetime import datetime, timedelta, UTC
import logging
from pathlib import Path
from typing import Any

from components.serving.release.staging import LEFT_AFTER_S
from components.shared.contracts.bundle import CONFIG_FILE
from components.shared.contracts.conditional_put import put_where, where_absent
from components.shared.contracts.releases import ModelReleases, unfinished_versions
from components.shared.tables.sources import readable_store_errors

logger = logging.getLogger(__name__)


def upload(staged: Path, releases: ModelReleases, version: str) -> bool:
    """Write the files of a folder as a release; False where that release is there already, and nothing was written.

    Of several that upload the same version at once, which have the same files, one writes the config where the store
    can refuse the others; they are told False.

    Raises
    ------
    ValueError
        If the store cannot be read or written. What was written then is no release.
    """
    filesystem, target = releases.filesystem, f"{releases.folder}/{version}"
    with readable_store_errors(f"the release {releases.uri_of(version)} must be a folder that can be written"):
        filesystem.invalidate_cache()
        if filesystem.exists(f"{target}/{CONFIG_FILE}"):
            return False
        for path in sorted(path for path in staged.rglob("*") if path.is_file()):
            name = path.relative_to(staged).as_posix()
            if name != CONFIG_FILE:
                filesystem.makedirs(f"{target}/{name}".rpartition("/")[0], exist_ok=True)
                filesystem.pipe_file(f"{target}/{name}", path.read_bytes())
        config = (staged / CONFIG_FILE).read_bytes()
        return put_where(filesystem, f"{target}/{CONFIG_FILE}", config, where_absent(filesystem))


def remove_unfinished(releases: ModelReleases, *, but: str) -> None:
    """Remove what uploads that did not end left a day ago or longer; a store that refuses is logged.

    `but` is the version that is about to be written.
    """
    try:
        with readable_store_errors(f"what uploads left at {releases.uri} must be something that can be removed"):
            for version in unfinished_versions(releases):
                if version != but:
                    _remove_if_left(releases.filesystem, f"{releases.folder}/{version}")
    except ValueError as error:
        logger.warning("%s", error)


def _remove_if_left(filesystem: Any, folder: str) -> None:
    names = filesystem.find(folder)
    newest = max((_utc(filesystem.modified(name)) for name in names), default=None)
    if newest is not None and datetime.now(UTC) - newest > timedelta(seconds=LEFT_AFTER_S):
        logger.info("removing %s, which a publish that did not end left", folder)
        filesystem.rm(names)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
