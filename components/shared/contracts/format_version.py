"""The version that every contract carries, and the one sentence for a version that this code cannot read."""

from components.shared.runtime.errors import ContractError


def check_format_version(found: object, *, newest: int, contract: str, where: object) -> int:
    """Return `found` where this code can read it.

    Parameters
    ----------
    found
        What the file says, of any type.
    newest
        The newest version this code writes; versions 1 to `newest` are read.
    contract
        The contract's name, for the error.
    where
        The file or folder, for the error.

    Returns
    -------
    int
        The version, from 1 to `newest`.

    Raises
    ------
    ContractError
        If the version is missing, no integer, or newer than this code.
    """
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= newest:
        raise ContractError(
            f"{contract} at {where} must have a format_version from 1 to {newest}, got {found!r}: "
            "it was written by a newer release or is no such file"
        )
    return found
