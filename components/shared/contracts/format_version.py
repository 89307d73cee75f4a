"""The format version that every contract carries, and the check that this code can read it."""

from components.shared.runtime.errors import ContractError


def check_format_version(found: object, *, newest: int, contract: str, where: object) -> int:
    """Return the version that a file states, where this code reads it: an integer from 1 to `newest`.

    Parameters
    ----------
    found
        What the file says, of any type.
    contract, where
        The contract's name and the file, for the error.

    Raises
    ------
    ContractError
        If the version is missing, not an integer, or newer than this code.
    """
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= newest:
        raise ContractError(
            f"{contract} at {where} must have a format_version from 1 to {newest}, got {found!r}: "
            "it was written by a newer release or is no such file"
        )
    return found
