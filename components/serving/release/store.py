"""Releases of a model: immutable bundles in a folder or an object store.

    MODEL_ROOT/NAME/VERSION/                       the bundle, evaluation.json and model_card.md among its files
    MODEL_ROOT/NAME/VERSION/inferenceservice.yaml  beside them, for those who deploy by kubectl; no part of the bundle,
                                                   for it names the version

The version is a fingerprint of the bundle's contents, so a release never changes: what exists is left alone where it
is the same and refused where it is not. Which release is in use is another question: publishing moves no champion.
"""

from collections.abc import Callable, Iterator, Mapping
import contextlib
from dataclasses import dataclass
import logging
from pathlib import Path
import tempfile

from components.serving.release.staging import staging_beside
from components.serving.release.upload import remove_unfinished, upload
from components.shared.contracts.bundle import add_files, bundle_version, read_config
from components.shared.contracts.bundle_fetch import fetch_bundle
from components.shared.contracts.release_check import check_release_name
from components.shared.contracts.releases import ModelReleases, open_releases
from components.shared.runtime.durable_files import sync_folder, sync_tree
from components.shared.runtime.errors import ContractError
from components.shared.tables.sources import readable_store_errors

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
    is_new
        Whether this publish made it.
    inference_service
        The text that lies beside the bundle.
    """

    version: str
    uri: str
    storage_uri: str
    is_local: bool
    is_new: bool
    inference_service: str


def publish(
    bundle: str | Path,
    *,
    model_root: str,
    model_name: str,
    files: Mapping[str, bytes],
    inference_service: Callable[[str, str], str],
) -> Release:
    """Publish a bundle with further files, by relative name; publishing the same again changes nothing.

    A publish that is killed leaves the whole release or none, and the next one removes what it left beside it. Of
    several of the same release at once, each succeeds. The champion is not moved.

    Parameters
    ----------
    bundle
        The bundle's folder.
    model_root
        A folder, an fsspec URI, or `pvc://CLAIM/PATH` where the claim is mounted.
    model_name
        The model's name; see `check_model_name`.
    files
        Further files of the bundle by relative name, which replace those of that name.
    inference_service
        What to write beside the bundle, of its version and storage URI; it alone is renewed in a release that is there.

    Raises
    ------
    ValueError
        If name or root cannot be used, the store cannot be written, or the version exists with other contents.
    ContractError
        If the bundle is damaged, or a release that is not called its version.
    """
    check_release_name(bundle, bundle_version(bundle))
    releases = open_releases(model_root, model_name)
    with staging_beside(releases.folder) if releases.is_local else _scratch_folder() as staging:
        staged = staging / "bundle"
        add_files(bundle, staged, files)
        version = bundle_version(staged)
        service = inference_service(version, releases.storage_uri_of(version))
        (staged / INFERENCE_SERVICE_FILE).write_text(service, encoding="utf-8")
        if releases.is_local:
            is_new = _placed(staged, Path(releases.folder) / version)
        else:
            remove_unfinished(releases, but=version)
            is_new = upload(staged, releases, version)
        if not is_new:
            _check_same(staged, releases, version)
            _renew_service(staged / INFERENCE_SERVICE_FILE, releases, version)
    uri = releases.uri_of(version)
    logger.info("%s %s", "published" if is_new else "already published", uri)
    return Release(
        version=version,
        uri=uri,
        storage_uri=releases.storage_uri_of(version),
        is_local=releases.is_local,
        is_new=is_new,
        inference_service=service,
    )


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A folder of this machine's temporary files, removed when the block ends."""
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)


def _placed(staged: Path, target: Path) -> bool:
    """Rename a folder to the release; False where that is there."""
    if target.exists():
        return False
    sync_tree(staged)
    try:
        staged.rename(target)
    except OSError:
        if not target.exists():  # otherwise another publish was first
            raise
        return False
    sync_folder(target.parent)
    return True


def _check_same(staged: Path, releases: ModelReleases, version: str) -> None:
    """Refuse a release that is not what was staged, every byte."""
    where = releases.uri_of(version)
    try:
        with _scratch_folder() as scratch:
            existing = Path(where) if releases.is_local else scratch / "release"
            if not releases.is_local:
                fetch_bundle(where, existing)
            read_config(existing)
            same = bundle_version(existing) == bundle_version(staged)
    except (ContractError, FileNotFoundError, ValueError) as error:
        raise ValueError(f"the release {where} exists and must not change, but it is damaged: {error}") from error
    if not same:
        raise ValueError(f"the release {where} exists and must not change, but it holds another bundle")


def _renew_service(written: Path, releases: ModelReleases, version: str) -> None:
    """Put an InferenceService in the place of another text: it depends on settings of who publishes."""
    name, text = f"{version}/{INFERENCE_SERVICE_FILE}", written.read_bytes()
    filesystem, path = releases.filesystem, f"{releases.folder}/{name}"
    with readable_store_errors(f"{releases.uri_of(name)} must be a file that can be written"):
        if filesystem.exists(path) and filesystem.cat_file(path) == text:
            return
        if releases.is_local:
            written.replace(path)
        else:
            filesystem.pipe_file(path, text)
