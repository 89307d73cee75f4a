"""What is found on one example that could explain why the model errs on it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One piece of evidence.

    Attributes
    ----------
    cause
        The cause that it speaks for, of `cause_names`.
    kind
        A word for what was found: `blurred`, `mojibake`, `scaled` ...
    strength
        0 to 1: how sure it is, on the scale on which causes are compared.
    words
        A clause for people, without values of personal columns.
    """

    cause: str
    kind: str
    strength: float
    words: str
