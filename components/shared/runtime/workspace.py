"""The workspace: the volume claim that steps mount, and what lies on it as a path and as `pvc://CLAIM/PATH`."""

from pathlib import PurePosixPath

from components.shared.runtime.gpu_placement import WORKSPACE_PATH

_SCHEME = "pvc://"


def mounted(uri: str) -> str:
    """Where a step finds what a URI names: `pvc://CLAIM/PATH` below `WORKSPACE_PATH`, anything else as it is."""
    if not uri.startswith(_SCHEME):
        return uri
    _, _, path = uri.removeprefix(_SCHEME).partition("/")
    return str(PurePosixPath(WORKSPACE_PATH) / path.lstrip("/"))


def as_claim_uri(uri: str, claim: str) -> str:
    """What others call a path on the workspace: `pvc://CLAIM/PATH`; anything else as it is."""
    if "://" in uri or not PurePosixPath(uri).is_relative_to(WORKSPACE_PATH):
        return uri
    path = PurePosixPath(uri).relative_to(WORKSPACE_PATH)
    return f"{_SCHEME}{claim}" if path == PurePosixPath() else f"{_SCHEME}{claim}/{path}"


def check_claim(name: str, uri: str, claim: str) -> None:
    """Check that a URI on a volume claim names the one claim that steps mount.

    Parameters
    ----------
    name
        Of the parameter, for the error.

    Raises
    ------
    ValueError
        If it names another claim, none, or leads out of it.
    """
    if not uri.startswith(_SCHEME):
        return
    found, _, path = uri.removeprefix(_SCHEME).partition("/")
    if found != claim:
        raise ValueError(
            f"{name} must lie on the run's workspace_claim, pvc://{claim}/..., got {uri}: steps mount no other claim"
        )
    if ".." in PurePosixPath(path).parts:
        raise ValueError(f"{name} must be a path below the claim, without '..', got {uri}")
