"""The environments of this machine: which one stands for which image, and its interpreter."""

from pathlib import Path

from components.shared.runtime.container_images import image_name
from pipelines.local.image_source import REPOSITORY

# Pipelines run in it too.
DESK = ".venv"
VALIDATION = ".venv-validation"


def interpreter_of(image: str) -> Path:
    """Interpreter of the environment that stands for an image on this machine."""
    return interpreter_in(VALIDATION if image_name(image) == "validation" else DESK)


def interpreter_in(folder: str) -> Path:
    """Interpreter of an environment; FileNotFoundError where it has not been set up."""
    interpreter = REPOSITORY / folder / "bin" / "python"
    if not interpreter.exists():
        raise FileNotFoundError(
            f"the environment {folder} must be there, but there is none at {REPOSITORY / folder}: "
            "run make setup in a clone of the project"
        )
    return interpreter
