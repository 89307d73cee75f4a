"""A binned feature as a drawing shows it: at most a dozen bins, and the share of each in the two datasets."""

import numpy as np

from components.data_validation.reports.common_bins import NUM_BINS, Shares
from components.drift.binned import BinnedFeature


def drawn_shares(feature: BinnedFeature) -> Shares:
    """Shares of the values, 0 to 1, by bin in reference and current; empty where a dataset has no values.

    Neighbouring bins of a number are joined into about equally full ones, each named by its lower end; of categories
    the rarest are joined. Missing values do not count.
    """
    counts = np.stack(
        [
            np.bincount(codes, minlength=len(feature.bin_names) + 1)[1:].astype(np.float64)
            for codes in (feature.reference, feature.current)
        ]
    )
    totals = counts.sum(axis=1, keepdims=True)
    if not totals.all():
        return {}
    shares = counts / totals
    if feature.kind == "number" and feature.edges is not None:
        return _joined_numbers(feature, shares)
    return _joined_categories(feature.bin_names, shares)


def _joined_numbers(feature: BinnedFeature, shares: np.ndarray) -> Shares:
    num_bins = shares.shape[1]
    if num_bins <= NUM_BINS:
        return _named(list(feature.bin_names), shares)
    fill = np.cumsum(shares.mean(axis=0))
    group = np.minimum((fill - shares.mean(axis=0) / 2) * NUM_BINS, NUM_BINS - 1).astype(int)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    joined = np.add.reduceat(shares, starts, axis=1)
    assert feature.edges is not None
    lows = feature.edges[starts].tolist()
    return _named(_low_names(lows, digits=3) or _low_names(lows, digits=6) or [repr(low) for low in lows], joined)


def _low_names(lows: list[float], *, digits: int) -> list[str]:
    """Bins by their lower ends, as short as can be; empty where two would have one name."""
    names = [f"{low:,.0f}" if 1e3 <= abs(low) < 1e7 else f"{low:.{digits}g}" for low in lows]
    return names if len(set(names)) == len(names) else []


def _joined_categories(names: tuple[str, ...], shares: np.ndarray) -> Shares:
    order = np.argsort(-shares.sum(axis=0), kind="stable")
    if len(names) <= NUM_BINS:
        return _named([names[place] for place in order], shares[:, order])
    kept, rest = order[: NUM_BINS - 1], order[NUM_BINS - 1 :]
    joined = np.concatenate([shares[:, kept], shares[:, rest].sum(axis=1, keepdims=True)], axis=1)
    return _named([*(names[place] for place in kept), f"{len(rest)} rarer ones"], joined)


def _named(names: list[str], shares: np.ndarray) -> Shares:
    """Names may repeat where numbers lie close together: a number behind them tells them apart."""
    distinct = names if len(set(names)) == len(names) else [f"{name} ({place})" for place, name in enumerate(names, 1)]
    return {name: (float(left), float(right)) for name, left, right in zip(distinct, *shares, strict=True)}
