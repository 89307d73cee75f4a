"""Names of models: what KServe accepts for an InferenceService."""

import re

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
MAX_NAME_LENGTH = 53  # KServe calls the Service NAME-predictor, and a Service's name has at most 63 characters


def check_model_name(name: str) -> str:
    """Return `name` where KServe accepts it for an InferenceService.

    Raises
    ------
    ValueError
        If it is not a DNS label that starts with a letter, or is longer than 53 characters.

    References
    ----------
    `IsvcNameFmt` of KServe's validating webhook, `[a-z]([-a-z0-9]*[a-z0-9])?`.
    """
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
        raise ValueError(
            f"model_name must be 1 to {MAX_NAME_LENGTH} small letters, digits and hyphens, start with a letter "
            f"and end with a letter or digit, got {name!r}"
        )
    return name
