"""A team's own code as files: what of a folder goes into an image, whether it imports, and its fingerprint."""

from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import subprocess

from components.shared.runtime.custom_code import ALLOWED_VARIABLE, is_import_path
from components.shared.runtime.fingerprints import fingerprint_file, fingerprint_json
from pipelines.local.environments import DESK, interpreter_in
from pipelines.local.image_source import REPOSITORY

# Also what the image runs at the end of its build.
IMPORT_FUNCTIONS = (
    "import sys; from components.shared.runtime.custom_code import custom_function; "
    "[custom_function(path) for path in sys.argv[1:]]"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomCode:
    """A team's folder, and what of it may run.

    Attributes
    ----------
    folder
        What is copied: modules, or one package, which is a folder with an `__init__.py`.
    functions
        Import paths, `team_models:build`.
    """

    folder: Path
    functions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise FileNotFoundError(f"--code must be a folder, but there is none at {self.folder}")
        wrong = [path for path in self.functions if not is_import_path(path)]
        if wrong or not self.functions:
            got = repr(wrong[0]) if wrong else "nothing"
            raise ValueError(f"--function must name what may run, team_models:build for one, got {got}")

    @property
    def import_root(self) -> Path:
        """The folder that stands on PYTHONPATH: the one above a package, else the folder itself."""
        folder = self.folder.resolve()
        return folder.parent if (folder / "__init__.py").is_file() else folder

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every file that is copied, by its path below the import root, in order.

        Hidden files and folders, `.git` and `.env` for two, and what Python compiled stay behind.

        Raises
        ------
        ValueError
            If there is a link to a folder, or out of this one: a build would miss what is behind it.
        """
        folder = self.folder.resolve()
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if any(part.startswith(".") or part == "__pycache__" for part in parts) or path.suffix == ".pyc":
                continue
            if path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(folder)):
                raise ValueError(f"{path} must be a file of the folder, but is a link to {path.resolve()}: copy it")
            if path.is_file():
                yield path.relative_to(self.import_root).as_posix(), path

    def copy_to(self, target: Path) -> None:
        """Copy the files, readable by everybody: the image's user is another than yours."""
        for name, path in self.files():
            file = target / name
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, file)
            file.chmod(0o644)
        for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
            folder.chmod(0o755)

    def fingerprint(self) -> str:
        """Of the files' names and contents, and of the functions."""
        files = [[name, fingerprint_file(path)] for name, path in self.files()]
        return fingerprint_json([files, list(self.functions)])

    def check_imports(self, root: Path) -> None:
        """Import every function in an interpreter of its own, in the environment that stands for the training image.

        Parameters
        ----------
        root
            Where the files lie; what the folder holds beside them is not there in the image either.

        Raises
        ------
        ValueError
            If one cannot be imported; the message is what a step would say.
        """
        environment = {
            **os.environ,
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{root}",
            "PYTHONDONTWRITEBYTECODE": "1",
            ALLOWED_VARIABLE: ",".join(self.functions),
        }
        command = [str(interpreter_in(DESK)), "-P", "-c", IMPORT_FUNCTIONS, *self.functions]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1:] or ["it ended without a word"]
            raise ValueError(f"the code in {self.folder} must be importable: {said[0].removeprefix('ValueError: ')}")
