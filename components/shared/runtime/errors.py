"""Errors whose message is written for the user."""


class QualityGateError(RuntimeError):
    """A gate stopped the run; the message says why."""


class ContractError(ValueError):
    """A file breaks the data contract; the message names the file, what was expected and what was found."""
