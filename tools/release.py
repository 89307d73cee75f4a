"""Writes what a release of this project publishes: `make release VERSION=1.2.3`.

`dist/pluszero-mlops-VERSION` holds the compiled pipelines, the rendered manifests, a bill of materials for each image,
the list of the images, notes and checksums. The same commit and the same list of images give the same bytes.
"""

import argparse
from collections.abc import Sequence
import hashlib
from pathlib import Path
import shutil
import sys

from components.shared.runtime.atomic_files import atomic_folder
from components.shared.runtime.container_images import ALL_IMAGE_NAMES
from pipelines.local.image_engine import BuildError
from pipelines.local.image_source import REPOSITORY
from tools.locked import WITHOUT_TORCH
from tools.push_images import IMAGE_LIST
from tools.release_conditions import (
    check_version,
    release_notes,
    released_commit,
    take_images_by_digest,
    take_images_by_tag,
)
from tools.release_manifests import release_manifests
from tools.sbom import sbom_path

DIST = REPOSITORY / "dist"
CHECKSUMS = "SHA256SUMS"


def write_release(version: str, *, cuda: str, is_rehearsal: bool) -> Path:
    """Write a release's folder, whole or not at all; one of that version that is there is replaced.

    Parameters
    ----------
    version
        Semantic, `1.2.3`; a part of CHANGELOG.md.
    cuda
        The variant that the images were built for, `cu13`: whose bills of materials are published.
    is_rehearsal
        Images are named by registry and tag of the environment, which need not be pushed; the folder says so.

    Raises
    ------
    BuildError
        If anything of what a release needs is missing; the message says what to do.
    """
    check_version(version)
    notes = release_notes((REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    bills = _bills(cuda)
    commit = released_commit(REPOSITORY, version)
    images = take_images_by_tag() if is_rehearsal else take_images_by_digest(IMAGE_LIST, commit)
    target = DIST / f"pluszero-mlops-{version}{'-rehearsal' if is_rehearsal else ''}"
    with atomic_folder(target) as folder:
        _write_pipelines(folder)
        release_manifests(folder)
        for bill in bills:
            shutil.copyfile(bill, folder / f"sbom-{bill.name}")
        (folder / "images.txt").write_text("\n".join(images) + "\n", encoding="utf-8")
        (folder / "NOTES.md").write_text(_notes(version, notes, commit, images), encoding="utf-8")
        (folder / CHECKSUMS).write_text(checksums(folder), encoding="utf-8")
    return target


def checksums(folder: Path) -> str:
    """Of every file of a folder but the list itself, as `sha256sum --check` reads it."""
    files = sorted(file for file in folder.iterdir() if file.name != CHECKSUMS)
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def _write_pipelines(folder: Path) -> None:
    # Faces take their images' names when they are imported.
    from pipelines.compiling import compile_manifests, compile_pipelines

    compile_pipelines(folder)
    compile_manifests(folder)


def _bills(cuda: str) -> list[Path]:
    bills = [sbom_path(name if name in WITHOUT_TORCH else f"{name}-{cuda}") for name in ALL_IMAGE_NAMES]
    missing = [bill for bill in bills if not bill.is_file()]
    if missing:
        raise BuildError(
            f"a release needs a bill of materials of every image, but {missing[0]} is not there: CUDA=cu13"
        )
    return bills


def _notes(version: str, notes: str, commit: str, images: Sequence[str]) -> str:
    return "\n".join(
        [
            f"# pluszero-mlops {version}",
            "",
            notes,
            "",
            "## Install",
            "",
            "`docs/published-releases.md` of the source says how; no image is built for it.",
            "",
            "## Made of",
            "",
            f"Commit `{commit}`, and the images",
            "",
            *(f"- `{reference}`" for reference in images),
            "",
        ]
    )


def main() -> int:
    """Write a release; 0 when it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="semantic: 1.2.3")
    parser.add_argument("--cuda", default="cu13", help="the variant that the images were built for")
    parser.add_argument(
        "--images-by-tag", action="store_true", help="a rehearsal: name images by tag, whether or not they are pushed"
    )
    arguments = parser.parse_args()
    try:
        written = write_release(arguments.version, cuda=arguments.cuda, is_rehearsal=arguments.images_by_tag)
    except (BuildError, ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    print(f"  {written}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
