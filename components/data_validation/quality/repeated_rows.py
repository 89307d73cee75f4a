"""Rows that repeat: within one table, and from one split to another.

Tables of few discrete columns repeat rows by nature, and then a test row found in training too says nothing. How often
that happens is estimated from the reference alone: of the rows seen once there, a second draw from the same source
meets a share of about 2 f2 / N, with f2 the number of rows seen exactly twice (Good 1953). Rows seen once are also
where a leak shows best, and where a shift towards common rows changes nothing.
"""

from dataclasses import dataclass
import math
from statistics import NormalDist

import numpy as np
from scipy.special import bdtrc

from components.shared.contracts.verdict import Finding, Severity

# Share of rows that is worth a person's time.
_MATERIAL_SHARE = 0.01
_FALSE_ALARM_RATE = 0.01
# Rows that come more often than this are values that a table of few columns can hold, not copies.
_MOST_COPIES = 10
# The rate's upper bound errs with at most this chance, which is added to the p-value (Berger and Boos 1994); where
# alarms are to be rarer, with a tenth of their rate.
_BOUND_ERROR = 1e-3
_BOUND_PART = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Leakage:
    """Current rows that equal a row which the reference holds once."""

    num_leaked: int  # different rows found in both
    natural_share: float  # share of the current rows expected to be found so by nature
    excess_share: float  # share found above that
    p_value: float  # chance of at least `num_leaked` by nature alone; 1 where a dataset is empty


def leakage(reference_hashes: np.ndarray, current_hashes: np.ndarray, *, bound_error: float = _BOUND_ERROR) -> Leakage:
    """How many current rows are found in the reference too, and how many would be by nature, from hashes of the rows.

    `bound_error` is the chance, above 0, that the bound on natural repetition is too low; no p-value is smaller.
    Sources: Good, The Population Frequencies of Species, Biometrika 40, 1953; Berger and Boos, P Values Maximized Over
    a Confidence Set for the Nuisance Parameter, JASA 89, 1994.
    """
    different, counts = np.unique(reference_hashes, return_counts=True)
    num_current = len(current_hashes)
    leaked = np.intersect1d(np.unique(current_hashes), different[counts == 1], assume_unique=True)
    natural, bound = _natural_share(counts, len(reference_hashes), bound_error)
    num_leaked = len(leaked)
    return Leakage(
        num_leaked=num_leaked,
        natural_share=natural,
        excess_share=max(num_leaked / num_current - natural, 0.0) if num_current else 0.0,
        p_value=_chance(num_leaked, num_current, bound, bound_error),
    )


def leakage_findings(
    reference_hashes: np.ndarray,
    current_hashes: np.ndarray,
    *,
    reference: str = "train",
    current: str = "test",
    false_alarm_rate: float = _FALSE_ALARM_RATE,
) -> list[Finding]:
    """Finding about rows found in two splits, from their hashes, (N,) and (M,), identifiers and times left out.

    Blocking where the excess over natural repetition is both significant and material, a warning where it is
    significant only. `false_alarm_rate` is the chance, 0 to 1, of calling natural repetition a leak.
    """
    bound_error = min(_BOUND_ERROR, _BOUND_PART * false_alarm_rate)
    found = leakage(reference_hashes, current_hashes, bound_error=bound_error)
    if found.p_value >= false_alarm_rate:
        return []
    material = found.excess_share >= _MATERIAL_SHARE
    num_current = len(current_hashes)
    expected = found.natural_share * num_current
    return [
        Finding(
            kind="quality",
            severity="blocking" if material else "warning",
            name="ROWS_LEAK_BETWEEN_SPLITS",
            statistic=f"share of {current} rows that equal a row of {reference}, beyond natural repetition",
            value=found.excess_share,
            threshold=_MATERIAL_SHARE,
            effect="excess share",
            effect_size=found.excess_share,
            message=f"{found.num_leaked:,} of the {num_current:,} rows of {current} also stand in {reference}, "
            f"where {expected:,.1f} would by nature",
            remedy=f"remove these rows from {current} or from {reference}, or ingest the data without predefined "
            "splits: ingestion keeps copies in one split",
            num_reference=len(reference_hashes),
            num_current=num_current,
            p_value=found.p_value,
            significant=True,
            material=material,
        )
    ]


def duplicate_findings(hashes: np.ndarray, *, table: str = "the table") -> list[Finding]:
    """Finding about rows of one table that repeat an earlier row, from their hashes, identifiers and times left out.

    A warning where a material share repeats; a note where fewer do, or where many rows come many times over, as they
    do by nature in tables of few discrete columns.
    """
    counts = np.unique(hashes, return_counts=True)[1]
    num_repeats = int(len(hashes) - len(counts))
    if not num_repeats:
        return []
    share, natural = num_repeats / len(hashes), _repeats_by_nature(counts)
    severity: Severity = "warning" if share >= _MATERIAL_SHARE and not natural else "note"
    reason = "; many come many times over, as in tables of few discrete columns" if natural else ""
    return [
        Finding(
            kind="quality",
            severity=severity,
            name="DUPLICATE_ROWS",
            statistic="share of rows that repeat an earlier row",
            value=share,
            threshold=_MATERIAL_SHARE,
            message=f"{num_repeats:,} of the {len(hashes):,} rows of {table} repeat an earlier row{reason}",
            remedy="remove the copies before splitting, unless they are observations of their own",
            num_current=len(hashes),
            material=share >= _MATERIAL_SHARE,
        )
    ]


def _natural_share(counts: np.ndarray, num_rows: int, bound_error: float) -> tuple[float, float]:
    """Share of a second draw that meets a row seen once, and its upper bound."""
    if not num_rows:
        return 0.0, 1.0
    doubles, triples = int((counts == 2).sum()), int((counts == 3).sum())
    share = 2 * doubles / num_rows
    # The variance of Good's estimate with one pseudo-count, so that none seen is not taken for none there.
    deviation = math.sqrt(4 * doubles + 6 * triples + 1) / num_rows
    return share, min(share + NormalDist().inv_cdf(1 - bound_error) * deviation, 1.0)


def _chance(count: int, total: int, rate: float, bound_error: float) -> float:
    if not count:
        return 1.0
    return min(float(bdtrc(count - 1, total, rate)) + bound_error, 1.0)


def _repeats_by_nature(counts: np.ndarray) -> bool:
    """Whether repeated rows come in many sizes or very often; copies made by mistake come in one, mostly twice."""
    repeated = counts[counts > 1]
    commonest = np.bincount(repeated).argmax()
    return bool(commonest > _MOST_COPIES) or bool(repeated[repeated != commonest].sum() > repeated.sum() / 3)
