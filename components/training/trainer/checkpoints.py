"""Checkpoints: where they lie, the lock on their folder, and what a resumed run reads."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import fcntl
import itertools
import logging
import os
from pathlib import Path
import time
from typing import Any
import zipfile

import fsspec
from pytorch_lightning.plugins.io import TorchCheckpointIO
import torch

from components.shared.runtime.atomic_files import atomic_file
from components.shared.runtime.folder_lock import warn_of_no_lock

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_TRIES = 1.0
_TRIES_BETWEEN_MESSAGES = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointFolder:
    """The folder of one run, a path or fsspec URI: one combination of code, data, recipe and seed."""

    uri: str

    @property
    def last(self) -> str:
        """The checkpoint that a resumed run starts from; it may not be there yet."""
        return f"{self.uri.rstrip('/')}/last.ckpt"

    @property
    def previous(self) -> str:
        """The checkpoint before the last one, should the last one turn out to be damaged."""
        return f"{self.uri.rstrip('/')}/previous.ckpt"

    @property
    def logs(self) -> str:
        """TensorBoard's event files."""
        return f"{self.uri.rstrip('/')}/tensorboard"

    def best(self, epoch: int) -> str:
        """The weights of an epoch, from 1, that was the best so far."""
        return f"{self.uri.rstrip('/')}/best-{epoch:04d}.ckpt"

    def usable(self) -> str | None:
        """The newest whole checkpoint; None where there is none to go on from."""
        filesystem, _ = fsspec.core.url_to_fs(self.uri)
        for uri in (self.last, self.previous):
            if not filesystem.exists(fsspec.core.url_to_fs(uri)[1]):
                continue
            if _is_whole(uri):
                return uri
            logger.warning("%s is damaged: the checkpoint before it is tried", uri)
        return None

    def keep_best(self, epoch: int) -> None:
        """Remove the weights of all epochs but one."""
        filesystem, kept = fsspec.core.url_to_fs(self.best(epoch))
        for path in filesystem.glob(f"{fsspec.core.url_to_fs(self.uri)[1].rstrip('/')}/best-*.ckpt"):
            if path.rpartition("/")[2] != kept.rpartition("/")[2]:
                filesystem.rm_file(path)


def run_folder(checkpoint_dir: str, run_key: str) -> CheckpointFolder:
    """Folder of one run below the pipeline's checkpoint folder; the key is a fingerprint of what decides the run."""
    if not checkpoint_dir.strip():
        raise ValueError("checkpoint_dir must be a folder or a URI that outlives the step, got nothing")
    return CheckpointFolder(uri=f"{checkpoint_dir.rstrip('/')}/{run_key}")


@contextlib.contextmanager
def sole_trainer(folder: CheckpointFolder) -> Iterator[int | None]:
    """Hold the folder's lock, so that no two trainers ever work in it at once; yields the lock's descriptor.

    A trainer that lost its runner may still be at work: this one waits until it has ended, and then resumes from what
    it left. The system frees the lock of a process that dies; a process that inherits the descriptor holds the lock
    too. A folder behind a URI has no lock (None): the cluster runs one pod a task. A network file system without locks
    gives a warning.
    """
    filesystem, path = fsspec.core.url_to_fs(folder.uri)
    if not isinstance(filesystem, fsspec.implementations.local.LocalFileSystem):
        yield None
        return
    Path(path).mkdir(parents=True, exist_ok=True)
    with open(Path(path) / "lock", "a+", encoding="ascii") as lock:
        _wait_for(lock)
        for part in Path(path).glob(".*.part"):
            part.unlink()  # half-written by a trainer that was killed
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()


def _wait_for(lock: Any) -> None:
    for attempt in itertools.count():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt % _TRIES_BETWEEN_MESSAGES == 0:
                lock.seek(0)
                logger.warning("another trainer (process %s) holds %s: waiting for it to end", lock.read(), lock.name)
            time.sleep(_SECONDS_BETWEEN_TRIES)
        except OSError:
            warn_of_no_lock(Path(lock.name).parent)
            return
        else:
            return


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a local checkpoint beside its place, to the disk, and renames it: a kill leaves the one before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Save; behind a URI the store decides when an object appears."""
        try:
            if "://" in str(path):
                super().save_checkpoint(checkpoint, path, storage_options)
            else:
                _save_locally(checkpoint, Path(path))
        except (OSError, RuntimeError) as error:
            raise OSError(
                f"the checkpoint {path} must be written, but cannot be: {error}; the one before is whole: free space, "
                "and run the same again to go on from it"
            ) from error


def _save_locally(checkpoint: dict[str, Any], path: Path) -> None:
    with atomic_file(path) as part:
        with open(part, "wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        if path.name == "last.ckpt" and path.exists():
            path.replace(path.with_name("previous.ckpt"))


def _is_whole(uri: str) -> bool:
    """Whether a checkpoint's bytes are those that were written: torch's format is a ZIP with checksums."""
    try:
        with fsspec.open(uri, "rb") as file, zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError, EOFError, ValueError):
        return False


def read_checkpoint(uri: str) -> dict[str, Any]:
    """Read a checkpoint on the CPU; nothing in it is executed."""
    with fsspec.open(uri, "rb") as file:
        content: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return content


def best_weights(folder: CheckpointFolder, *, epoch: int) -> dict[str, torch.Tensor]:
    """Weights of the best epoch, from 1; `ValueError` if they are not there, or the file holds another epoch."""
    try:
        content = read_checkpoint(folder.best(epoch))
    except FileNotFoundError as error:
        raise ValueError(
            f"{folder.best(epoch)} must hold the weights of epoch {epoch}, but there is no such file: "
            f"remove {folder.uri} to train anew"
        ) from error
    if content["epoch"] + 1 != epoch:
        raise ValueError(
            f"{folder.best(epoch)} must hold epoch {epoch}, got {content['epoch'] + 1}: "
            f"remove {folder.uri} to train anew"
        )
    weights: dict[str, torch.Tensor] = content["state_dict"]
    return weights
