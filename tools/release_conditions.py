"""What must hold before a release is written: its version, its notes, its tree, and the images that it names.

    python -m tools.release_conditions 1.2.3

looks at all but the images, which are built later, and needs no environment.
"""

import os
from pathlib import Path
import re
import subprocess
import sys

from components.shared.runtime.container_images import ALL_IMAGE_NAMES, image, LIST_VARIABLE
from pipelines.local.image_engine import BuildError
from pipelines.local.image_source import REPOSITORY

# Begins the line of a list of images that says which commit they are of.
COMMIT_MARK = "# commit "
_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
# https://semver.org without build metadata, which the tag of an image may not hold.
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?")
_SHOWN_DIGITS = 12


def check_version(version: str) -> None:
    """Raise `BuildError` where a version is not semantic."""
    if not _VERSION.fullmatch(version):
        raise BuildError(
            f"VERSION must be semantic, 1.2.3 or 1.2.3-rc.1, without a v before it or a + in it, got {version!r}"
        )


def release_notes(changelog: str, version: str) -> str:
    """What a changelog says of a version: the text below the heading `## VERSION`, whatever follows it on its line.

    Raises
    ------
    BuildError
        If there is no such heading, or nothing below it.
    """
    parts = re.split(r"^## +", changelog, flags=re.MULTILINE)[1:]
    named = [part for part in parts if re.match(rf"\[?v?{re.escape(version)}\]?(?=\s)", part)]
    notes = named[0].partition("\n")[2].strip() if named else ""
    if not notes:
        raise BuildError(
            f"CHANGELOG.md must say what is new in {version}, below a line '## {version}', but "
            f"{'says nothing below it' if named else 'has no such line'}: rename '## Unreleased', and commit it"
        )
    return notes


def released_commit(repository: Path, version: str) -> str:
    """The commit that a tree is of, 12 hexadecimal digits.

    Raises
    ------
    BuildError
        If the tree is no clone, differs from its commit, or its tag of that version is another commit's.
    """
    commit = _git(repository, "rev-parse", "HEAD")
    if not commit:
        raise BuildError(f"a release must be made in a clone with a commit, but git knows none at {repository}")
    changed = _git(repository, "status", "--porcelain").splitlines()
    if changed:
        raise BuildError(
            f"a release must be made of a commit, but {len(changed)} files differ from it, {changed[0][3:]} for one: "
            "commit or remove them"
        )
    tagged = _git(repository, "rev-parse", "--verify", "--quiet", f"refs/tags/v{version}^{{commit}}")
    if tagged not in ("", commit):
        raise BuildError(
            f"the tag v{version} must be this commit's, {commit[:_SHOWN_DIGITS]}, but is that of "
            f"{tagged[:_SHOWN_DIGITS]}: raise the version, or check the tag out"
        )
    return commit[:_SHOWN_DIGITS]


def take_images_by_digest(images: Path, commit: str) -> list[str]:
    """Make `image` name what a list from `make push-images` holds; their full names, with digests.

    Raises
    ------
    BuildError
        If there is no such list, it is of another commit, or an image has no digest there.
    """
    remedy = "run make images push-images with PLUSZERO_IMAGE_REGISTRY set to your registry"
    if not images.is_file():
        raise BuildError(f"a release must name its images by digest, but {images} is not there: {remedy}")
    found = re.search(rf"^{COMMIT_MARK}(\S+)$", images.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if found is None or found[1] != commit:
        raise BuildError(
            f"{images} must list the images of this commit, {commit}, but lists those of "
            f"{found[1] if found else 'a commit that it does not name'}: {remedy}"
        )
    os.environ[LIST_VARIABLE] = str(images)
    named = [image(name) for name in ALL_IMAGE_NAMES]
    bare = [reference for reference in named if "@sha256:" not in reference]
    if bare:
        raise BuildError(f"{images} must name every image by digest, but {bare[0]} has none: {remedy}")
    return named


def take_images_by_tag() -> list[str]:
    """Make `image` name what registry and tag of the environment say, for a rehearsal; their full names."""
    os.environ.pop(LIST_VARIABLE, None)
    return [image(name) for name in ALL_IMAGE_NAMES]


def _git(repository: Path, *words: str) -> str:
    """What git says; nothing where it fails."""
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True, check=False)
    return done.stdout.rstrip() if done.returncode == 0 else ""


def main() -> int:
    """Look at a version, its notes and the tree; 0 when a release can be made of them."""
    version = "".join(sys.argv[1:])
    try:
        check_version(version)
        release_notes((REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), version)
        print(f"  {version} of {released_commit(REPOSITORY, version)}")
    except BuildError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
