"""The model bundle: a folder with everything a model needs; loading it executes nothing from it.

- `config.json`: format version, task, class names, backbone, preprocessing, how it was trained, the list of files, and
  a fingerprint of all that;
- `weights.safetensors`: the parameters;
- further files by name: the schema and statistics of the training data, the evaluation, a model card; in a
  release whose network ONNX Runtime computes alike, `network.onnx`, its graph with the weights.

`config.json` lists every other file with its size and SHA-256; a bundle that differs from its list is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
import hashlib
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from components.shared.contracts.format_version import check_format_version
from components.shared.runtime.atomic_files import atomic_folder, read_json, write_json
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_json
from components.shared.runtime.settings import settings_from, settings_model
from components.shared.runtime.written_settings import WrittenSettings
from components.shared.tables.repair_spec import Repair

FORMAT_VERSION = 3
CONFIG_FILE = "config.json"
WEIGHTS_FILE = "weights.safetensors"
# The network as an ONNX graph, in releases that have one.
NETWORK_FILE = "network.onnx"
TASKS = ("image_classification", "text_classification", "tabular_classification", "tabular_regression")
FEATURES_FOLDER = "features"
_MAX_FILES = 1000


@settings_model
class BundleConfig:
    """A bundle's description of its model.

    Attributes
    ----------
    task
        One of `TASKS`.
    class_names
        In the order of the model's outputs.
    backbone
        Name and settings of the backbone, as `components.modeling.backbone_config` reads them.
    preprocessing
        How examples are prepared, as `components.modeling.features` reads it.
    training
        How it was trained (recipe, seed, epochs, augmentation): for people, not read by code.
    label_version
        Version of the label's definition in the problem file.
    label
        Where the label came from in the data: `{"column": ...}` or `{"expression": ...}`; empty where it is not known.
    column_roles
        The roles of every column of the data, as the first step decided them; empty where they are not known.
    repairs
        What is done to the columns of such data before the model reads them.
    """

    task: str
    class_names: tuple[str, ...]
    backbone: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    training: Mapping[str, Any] = field(default_factory=dict)
    label_version: int = 1
    label: Mapping[str, str] = field(default_factory=dict)
    column_roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    repairs: tuple[Repair, ...] = ()

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ContractError(f"task must be one of {', '.join(TASKS)}, got {self.task!r}")
        if self.is_regression:
            if self.class_names:
                raise ContractError(f"a model for regression must have no class_names, got {list(self.class_names)}")
        elif len(self.class_names) < 2 or len(set(self.class_names)) != len(self.class_names):
            raise ContractError(f"class_names must be 2 or more different names, got {list(self.class_names)}")

    @property
    def modality(self) -> str:
        """`image`, `text` or `tabular`."""
        return self.task.partition("_")[0]

    @property
    def is_regression(self) -> bool:
        """Whether the model answers a number, not a class."""
        return self.task.endswith("_regression")


def write_bundle(
    path: str | Path,
    config: BundleConfig,
    weights: Mapping[str, np.ndarray],
    *,
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Write a bundle, complete or not at all; a folder at `path` is replaced.

    Parameters
    ----------
    weights
        The parameters by name.
    files
        Further files by relative name: schema, statistics, evaluation, model card.

    Raises
    ------
    ContractError
        If a file's name is absolute, leaves the folder, or is taken.
    """
    with atomic_folder(path) as folder:
        contiguous = {name: np.asarray(value, order="C") for name, value in weights.items()}
        save_file(contiguous, str(folder / WEIGHTS_FILE), metadata={"format": "pt"})
        (folder / WEIGHTS_FILE).chmod(0o644)  # safetensors makes it readable by its owner alone; servers are others
        names = [WEIGHTS_FILE]
        for name, content in (files or {}).items():
            _checked_name(name, where=folder)
            if name in (CONFIG_FILE, WEIGHTS_FILE):
                raise ContractError(f"a bundle's further files must not be called {name}")
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
            names.append(name)
        listing = {name: file_record(folder / name) for name in sorted(names)}
        repairs = [repair.to_dict() for repair in config.repairs]
        described = {"format_version": FORMAT_VERSION, **asdict(config), "repairs": repairs, "files": listing}
        write_json(folder / CONFIG_FILE, {**described, "fingerprint": fingerprint_json(described)})


def add_files(path: str | Path, target: str | Path, files: Mapping[str, bytes]) -> None:
    """Check a bundle and copy it to `target` with further files by relative name, which replace those of that name."""
    config = read_config(path)
    kept = {name: (Path(path) / name).read_bytes() for name in file_listing(path) if name != WEIGHTS_FILE}
    write_bundle(target, config, read_weights(path), files={**kept, **files})


def read_config(path: str | Path) -> BundleConfig:
    """Read and check a bundle's config and the list of its files; weights are not read.

    Raises
    ------
    FileNotFoundError
        If there is no bundle at `path`.
    ContractError
        If the config is of an unknown version, has unknown, missing or repeated keys or values of another type, or its
        files are missing, changed or outside the folder.
    """
    content = _read_content(path)
    _check_files(Path(path), content["files"])
    body = {name: value for name, value in content.items() if name not in ("format_version", "files", "fingerprint")}
    written = WrittenSettings(content=body, where=f"the bundle's config at {path}")
    return settings_from(BundleConfig, written, empty_is_unset=False)


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Read a bundle's parameters, by name.

    Raises
    ------
    FileNotFoundError
        If there is no bundle at `path`.
    ContractError
        If the bundle is damaged, or its config was changed after it was written.
    """
    content = _read_content(path)
    _check_files(Path(path), content["files"])
    try:
        weights = load_file(str(Path(path) / WEIGHTS_FILE))
    except (SafetensorError, ValueError, OSError) as error:
        raise ContractError(f"{Path(path) / WEIGHTS_FILE} must be a safetensors file: {error}") from error
    if content.pop("fingerprint", None) != fingerprint_json(content):
        raise ContractError(f"{Path(path) / CONFIG_FILE} must be as it was written, but it was changed afterwards")
    return weights


def file_listing(path: str | Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file of a bundle but its config, by relative name; `ContractError` if one leaves it."""
    return {_checked_name(name, where=Path(path)): record for name, record in _read_content(path)["files"].items()}


def bundle_version(path: str | Path) -> str:
    """Version of a bundle: 16 hexadecimal characters of the fingerprint of its config and file list."""
    return fingerprint_json(_read_content(path))[:16]


def _read_content(path: str | Path) -> dict[str, Any]:
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"a model bundle must be a folder, but there is none at {folder}")
    content = read_json(folder / CONFIG_FILE, what="the bundle's config")
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise ContractError(f"the bundle's config at {folder} must be a JSON object with a list of files")
    check_format_version(
        content.get("format_version"), newest=FORMAT_VERSION, contract="the bundle's config", where=folder
    )
    return content


def _check_files(folder: Path, listing: Mapping[str, Any]) -> None:
    if WEIGHTS_FILE not in listing or len(listing) > _MAX_FILES:
        raise ContractError(f"the bundle at {folder} must list {WEIGHTS_FILE} and at most {_MAX_FILES} files")
    for name, record in listing.items():
        file = folder / _checked_name(name, where=folder)
        if not file.is_file():
            raise ContractError(f"the bundle at {folder} must hold {name}, but there is no such file")
        if not file.resolve().is_relative_to(folder.resolve()):
            raise ContractError(
                f"files of the bundle at {folder} must lie inside it, but {name} is a link that leaves it"
            )
        found = file_record(file)
        if found != record:
            raise ContractError(
                f"{file} must have the size and SHA-256 that config.json lists: it is truncated or changed"
            )


def _checked_name(name: str, *, where: Path) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ContractError(f"files of the bundle at {where} must lie inside it, got the name {name!r}")
    return name


def file_record(file: Path) -> dict[str, Any]:
    """A file's entry in a bundle's list: its size in bytes and its SHA-256."""
    with open(file, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"bytes": file.stat().st_size, "sha256": digest}
