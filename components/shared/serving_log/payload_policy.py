"""How much of what clients sent is kept in the serving log."""

from collections.abc import Sequence
from dataclasses import dataclass
import hashlib
from typing import get_args, Literal

import numpy as np

PayloadKind = Literal["none", "derived", "sampled", "full"]
ALL, RANDOM, UNCERTAIN, DRIFTED = "all", "random", "uncertain", "drifted"
# Rows that were picked for what they are: no random sample of what was served.
PICKED = (UNCERTAIN, DRIFTED)
_BITS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadPolicy:
    """What of a request's rows is kept, beside its answer and context.

    Attributes
    ----------
    kind
        `none`: nothing. `derived`: what is measured of photos and texts (lengths, sizes, colours), and the features of
        tables without columns of personal data. `sampled`: that, and the whole payload of some rows. `full`: that, and
        the whole payload of every row. In a whole payload of a table, personal columns are hashed, as in the example
        table.
    sampled_share
        Share of the rows whose payload is kept where it is `sampled`, 0 to 1, drawn by the row's identifier.
    uncertain_margin
        Where it is `sampled`, rows whose two most probable classes are nearer than this keep their payload too, 0 to 1;
        0 keeps none for that.
    drift_quantile
        Where it is `sampled`, rows whose embedding lies farther from the model's held-out rows than this quantile of
        these keep their payload too, 0 to 1; None keeps none for that. It needs the reference that a bundle carries.

    Raises
    ------
    ValueError
        If the kind is none of these, or a number is not from 0 to 1.
    """

    kind: PayloadKind = "derived"
    sampled_share: float = 0.01
    uncertain_margin: float = 0.1
    drift_quantile: float | None = 0.99

    def __post_init__(self) -> None:
        if self.kind not in get_args(PayloadKind):
            raise ValueError(f"payload must be one of {', '.join(get_args(PayloadKind))}, got {self.kind!r}")
        for name in ("sampled_share", "uncertain_margin", "drift_quantile"):
            if getattr(self, name) is not None and not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be a number from 0 to 1, got {getattr(self, name)!r}")

    @property
    def keeps_payloads(self) -> bool:
        """Whether any row's payload is kept."""
        return self.kind in ("sampled", "full")


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptPayloads:
    """Which of N rows keep their payload, and why.

    Attributes
    ----------
    weights
        Shape (N,), float: 0 where the payload is not kept, else how many served rows it stands for: one over the
        probability that it is kept. A row that its uncertainty or drift picks is always kept, so it stands for itself.
    draws
        Shape (N,), of objects: `all` or `random` where chance alone decided, `uncertain` or `drifted`, or None.
    """

    weights: np.ndarray
    draws: np.ndarray


def kept_payloads(
    policy: PayloadPolicy,
    request_ids: Sequence[str],
    rows: np.ndarray,
    probabilities: Sequence[np.ndarray | None],
    *,
    is_far: np.ndarray | None = None,
) -> KeptPayloads:
    """Which rows keep their payload under a policy.

    Parameters
    ----------
    request_ids, rows
        Of each of N rows.
    probabilities
        Of each of N rows the probabilities of the classes, shape (K,); None where there are none.
    is_far
        Shape (N,), bool: which rows lie beyond `drift_quantile`; None where nobody knows.
    """
    num_rows = len(rows)
    if policy.kind == "full":
        return KeptPayloads(weights=np.ones(num_rows), draws=np.full(num_rows, ALL, dtype=object))
    weights, draws = np.zeros(num_rows), np.full(num_rows, None, dtype=object)
    if policy.kind != "sampled":
        return KeptPayloads(weights=weights, draws=draws)
    if policy.sampled_share > 0.0:
        places = [_position(name, row) for name, row in zip(request_ids, rows.tolist(), strict=True)]
        drawn = np.array(places) < policy.sampled_share
        weights[drawn], draws[drawn] = 1.0 / policy.sampled_share, RANDOM
    uncertain = np.array([_margin(row) < policy.uncertain_margin for row in probabilities], dtype=bool)
    weights[uncertain], draws[uncertain] = 1.0, UNCERTAIN
    if is_far is not None:
        weights[is_far], draws[is_far] = 1.0, DRIFTED
    return KeptPayloads(weights=weights, draws=draws)


def _margin(probabilities: np.ndarray | None) -> float:
    if probabilities is None or len(probabilities) < 2:
        return np.inf
    second, first = np.partition(np.asarray(probabilities, dtype=np.float64), -2)[-2:]
    return float(first - second)


def _position(request_id: str, row: int) -> float:
    digest = hashlib.blake2b(f"{request_id}\n{row}".encode("utf-8", "surrogatepass"), digest_size=_BITS // 8).digest()
    return int.from_bytes(digest) / 2.0**_BITS
