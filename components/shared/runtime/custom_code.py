"""A team's custom functions, named by import path: they run only where the environment allows them.

A bundle names the functions that build its network and prepare its examples. Loading a bundle must never run whatever
it names, so the environment must name the function too: the image that holds the code also sets the permission.
"""

from collections.abc import Callable
import importlib
import importlib.util
import os
from pathlib import Path
import re
from typing import Any

from components.shared.runtime.fingerprints import fingerprint_bytes, fingerprint_json

ALLOWED_VARIABLE = "PLUSZERO_OWN_CODE"
_IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_import_path(name: str) -> bool:
    """Whether a name has the form `<package.module>:<function>`."""
    return isinstance(name, str) and _IMPORT_PATH.fullmatch(name) is not None


def check_allowed(path: str) -> None:
    """Raise `ValueError` where the environment does not allow a function."""
    allowed = _allowed()
    if path not in allowed:
        raise ValueError(
            f"the function {path} runs code that is not this project's, which must be allowed: "
            f"set {ALLOWED_VARIABLE}={path} where that code may run; it is {', '.join(allowed) or 'empty'}"
        )


def custom_function(path: str) -> Callable[..., Any]:
    """Import a team's custom function, `<package.module>:<function>`.

    Raises
    ------
    ValueError
        If the environment does not allow it, or it cannot be imported.
    """
    check_allowed(path)
    module_name, _, function_name = path.partition(":")
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"{path} must be a function that can be imported, but: {error}; is its code in the image, and "
            "its folder on PYTHONPATH?"
        ) from error
    return function


def custom_code_fingerprints() -> dict[str, str | None]:
    """Fingerprints of the code behind every function that the environment allows; see `custom_code_fingerprint`."""
    return {path: custom_code_fingerprint(path) for path in _allowed()}


def _allowed() -> list[str]:
    return [name.strip() for name in os.environ.get(ALLOWED_VARIABLE, "").split(",") if name.strip()]


def custom_code_fingerprint(path: str) -> str | None:
    """Fingerprint of the code behind a function: every Python file of its top-level package.

    None where `path` is not `<package.module>:<function>`, or its package is not there.
    """
    if not is_import_path(path):
        return None
    top = path.partition(":")[0].partition(".")[0]
    found = importlib.util.find_spec(top)
    if found is None or (found.origin is None and not found.submodule_search_locations):
        return None
    folders = [Path(folder) for folder in found.submodule_search_locations or ()]
    files = [(file.relative_to(folder), file) for folder in folders for file in sorted(folder.rglob("*.py"))]
    single = Path(str(found.origin))
    named = files or [(Path(single.name), single)]
    return fingerprint_json([[str(name), fingerprint_bytes(file.read_bytes())] for name, file in named])
