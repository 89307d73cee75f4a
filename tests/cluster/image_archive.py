"""A container image made from files, without an engine."""

from collections.abc import Mapping, Sequence
import hashlib
import io
import json
from pathlib import Path
import tarfile

from tests.cluster.programs import go_architecture


def image_archive(
    tag: str,
    files: Mapping[str, Path],
    *,
    entrypoint: Sequence[str],
    links: Mapping[str, str] | None = None,
    user: str = "65532",
) -> bytes:
    """A Docker archive of one layer: `files` (path in the image: file here), `links` (path: target), an empty /tmp."""
    layer = _layer(files, links or {})
    config = json.dumps(
        {
            "architecture": go_architecture(),
            "os": "linux",
            "config": {"Entrypoint": list(entrypoint), "Env": ["PATH=/bin"], "User": user},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        }
    ).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in ((name, config), ("layer.tar", layer), ("manifest.json", manifest)):
            _add(tar, path, content)
    return archive.getvalue()


def _layer(files: Mapping[str, Path], links: Mapping[str, str]) -> bytes:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tmp = tarfile.TarInfo("tmp")
        tmp.type, tmp.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(tmp)
        for path, source in files.items():
            _add(tar, path, source.read_bytes(), mode=0o755)
        for path, target in links.items():
            link = tarfile.TarInfo(path)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return layer.getvalue()


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
