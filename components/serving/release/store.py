"""Releases of a model: immutable bundles in a folder or an object store.

    MODEL_ROOT/NAME/VERSION/                       the bundle, evaluation.json and model_card.md among its files
    MODEL_ROOT/NAME/VERSION/inferenceservice.yaml  beside them, for those who deploy by kubectl; no part of the bundle,
                                                   for it names the version

The version is a fingerprint of the bundle's contents, so a release never changes: what exists is left alone where it
is the same and refused where it is not. Which release is in use is another question: publishing moves no champion.
"""

from collections.abc import Iterator, Mapping
import contextlib
from dataclasses import dataclass
import logging
from pathlib import Path
import tempfile
from typing import Any

import fsspec

from components.shared.contracts.bundle import add_files, bundle_version, CONFIG_FILE, file_listing, read_config
from components.shared.contracts.release_check import check_release_name
from components.shared.contracts.releases import open_releases
from components.shared.runtime.atomic_files import write_text
from components.shared.runtime.errors import ContractError

logger = logging.getLogger(__name__)

INFERENCE_SERVICE_FILE = "inferenceservice.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """One release.

    Attributes
    ----------
    uri
        The bundle's folder, an absolute path or a URI.
    storage_uri
        The URI by which KServe's storage initialiser finds it.
    """

    version: str
    uri: str
    storage_uri: str
    is_local: bool
    is_new: bool


def publish(bundle: str | Path, *, model_root: str, model_name: str, files: Mapping[str, bytes]) -> Release:
    """Publish a bundle with further files, by relative name; publishing the same again changes nothing.

    `model_root` is a folder, an fsspec URI, or `pvc://CLAIM/PATH` where the claim is mounted. ValueError where name or
    root cannot be used or the version exists with other contents, ContractError where the bundle is damaged, or a
    release that is not called its version. The champion is not moved.
    """
    check_release_name(bundle, bundle_version(bundle))
    releases = open_releases(model_root, model_name)
    with _staging(releases.folder if releases.is_local else None) as staging:
        staged = staging / "bundle"
        add_files(bundle, staged, files)
        version = bundle_version(staged)
        target = f"{releases.folder}/{version}"
        is_new = _placed(staged, target) if releases.is_local else _uploaded(staged, target, releases.filesystem)
    uri = releases.uri_of(version)
    logger.info("%s %s", "published" if is_new else "already published", uri)
    return Release(
        version=version,
        uri=uri,
        storage_uri=releases.storage_uri_of(version),
        is_local=releases.is_local,
        is_new=is_new,
    )


def write_beside(release: Release, text: str) -> None:
    """Write a release's InferenceService beside it."""
    target = f"{release.uri}/{INFERENCE_SERVICE_FILE}"
    if release.is_local:
        write_text(target, text)
    else:
        filesystem, path = fsspec.core.url_to_fs(target)
        filesystem.pipe_file(path, text.encode())


@contextlib.contextmanager
def _staging(folder: str | None) -> Iterator[Path]:
    # Beside the release where that is a folder: only a rename within one file system is atomic.
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=folder) as staging:
        yield Path(staging)


def _placed(staged: Path, target: str) -> bool:
    if not Path(target).exists():
        try:
            staged.rename(target)
        except OSError:
            if not Path(target).exists():
                raise
        else:
            return True
    _check_same(staged, Path(target), where=target)
    return False


def _uploaded(staged: Path, target: str, filesystem: Any) -> bool:
    if filesystem.exists(f"{target}/{CONFIG_FILE}"):
        with tempfile.TemporaryDirectory() as scratch:
            for name in [CONFIG_FILE, *file_listing(staged)]:
                local = Path(scratch) / name
                local.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):
                    filesystem.get_file(f"{target}/{name}", str(local))
            _check_same(staged, Path(scratch), where=target)
        return False
    for name in [*file_listing(staged), CONFIG_FILE]:  # the config last: without it there is no bundle
        filesystem.makedirs(f"{target}/{name}".rpartition("/")[0], exist_ok=True)
        filesystem.put_file(str(staged / name), f"{target}/{name}")
    return True


def _check_same(staged: Path, existing: Path, *, where: str) -> None:
    try:
        read_config(existing)
        same = bundle_version(existing) == bundle_version(staged)
    except (ContractError, FileNotFoundError, ValueError) as error:
        raise ValueError(f"the release {where} exists and must not change, but it is damaged: {error}") from error
    if not same:
        raise ValueError(f"the release {where} exists and must not change, but it holds another bundle")
