"""What an image is made of, as one digest: it tells whether a built image is of this tree."""

import hashlib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE_LABEL = "pluszero-mlops.source"


def requirement_files(name: str) -> list[Path]:
    """Files that decide what an image holds beside the project's code."""
    docker = REPOSITORY / "docker"
    torch = [] if name in ("validation", "serving-cpu") else sorted(docker.glob("torch-*.txt"))
    return [docker / f"{name}.Dockerfile", docker / "install", docker / "installer.txt", docker / f"{name}.txt", *torch]


def image_source(name: str) -> str:
    """Digest, 16 hexadecimal digits, of everything that goes into the image with a short name such as `training`."""
    code = [path for path in (REPOSITORY / "components").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    digest = hashlib.sha256()
    for path in sorted([*requirement_files(name), *code]):
        digest.update(path.relative_to(REPOSITORY).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
