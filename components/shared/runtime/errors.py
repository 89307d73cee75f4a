"""The errors that a user is meant to read."""


class QualityGateError(RuntimeError):
    """A gate refused to let the run go on; its message says why."""


class ContractError(ValueError):
    """A file does not keep the data contract; its message names the file, what was expected and what was found."""
