"""Near duplicates: the same photo saved again, resized, or slightly edited, found without comparing all pairs.

Candidates come from 64-bit difference hashes by multi-index hashing; thumbnails then decide, strictly, since a wrong
pair drags two unrelated examples into one split.

References
----------
M. Norouzi, A. Punjani, D. J. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012.
"""

from collections.abc import Iterator

import numpy as np

from components.data_ingestion.clusters import equal_pairs

MAX_HASH_DISTANCE = 7
MIN_CORRELATION = 0.99
MAX_BRIGHTNESS_DIFFERENCE = 0.15
MIN_CONTRAST = 0.03
_BAND_BITS = 16
_NUM_BANDS = 4
_MAX_BUCKET = 2000
_PAIRS_A_BLOCK = 1 << 20


def near_duplicate_pairs(hashes: np.ndarray, thumbnails: np.ndarray) -> np.ndarray:
    """Pairs of indices of nearly equal images, the smaller first: shape (K, 2), int64.

    A pair's hashes, shape (N,), uint64, differ in at most 7 bits, its thumbnails, shape (N, P), uint8, correlate to at
    least 0.99, and their mean brightness differs by at most 0.15. Images whose contrast is below 0.03 (one flat colour,
    say) are never paired: they show nothing to compare.
    """
    rows = np.flatnonzero(_contrasts(thumbnails) >= MIN_CONTRAST)
    candidates = rows[candidate_pairs(hashes[rows])]
    return candidates[_show_the_same(thumbnails, candidates)]


def candidate_pairs(hashes: np.ndarray) -> np.ndarray:
    """Pairs of indices whose hashes differ in at most 7 of 64 bits, the smaller first, each once: shape (K, 2), int64.

    Of four bands of 16 bits one then differs in one bit at most, so every hash is looked up under its own bands and
    under those with one bit flipped. A band's value that more than 2,000 images share (an empty border) tells nothing
    apart and is passed over; equal hashes are chained whatever their number.
    """
    found = equal_pairs(hashes)
    for band in range(_NUM_BANDS):
        values = ((hashes >> np.uint64(band * _BAND_BITS)) & np.uint64(0xFFFF)).astype(np.int64)
        found = np.unique(np.concatenate([found, *_pairs_of_band(hashes, values)]), axis=0)
    return found


def _pairs_of_band(hashes: np.ndarray, values: np.ndarray) -> Iterator[np.ndarray]:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    for mask in (0, *(1 << bit for bit in range(_BAND_BITS))):
        first = np.searchsorted(ordered, values ^ mask, side="left")
        sizes = np.searchsorted(ordered, values ^ mask, side="right") - first
        sizes[sizes > _MAX_BUCKET] = 0
        for left, right in _expanded(first, sizes, order):
            near = (left < right) & (np.bitwise_count(hashes[left] ^ hashes[right]) <= MAX_HASH_DISTANCE)
            yield np.stack([left[near], right[near]], axis=1)


def _expanded(first: np.ndarray, sizes: np.ndarray, order: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every row with every member of the bucket that it looked up, in blocks of bounded size."""
    ends = np.cumsum(sizes)
    cuts = np.searchsorted(ends, np.arange(_PAIRS_A_BLOCK, ends[-1] if len(ends) else 0, _PAIRS_A_BLOCK)) + 1
    for rows in np.split(np.arange(len(sizes)), np.unique(cuts)):
        counts = sizes[rows]
        left = np.repeat(rows, counts)
        within = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield left, order[np.repeat(first[rows], counts) + within]


def _contrasts(thumbnails: np.ndarray) -> np.ndarray:
    deviations = [np.empty(0, dtype=np.float32)]
    for start in range(0, len(thumbnails), 4096):
        deviations.append(thumbnails[start : start + 4096].astype(np.float32).std(axis=1))
    return np.concatenate(deviations) / 255.0


def _show_the_same(thumbnails: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    verdicts = [np.empty(0, dtype=bool)]
    for start in range(0, len(pairs), 4096):
        block = pairs[start : start + 4096]
        left, right = (thumbnails[block[:, side]].astype(np.float32) / 255.0 for side in (0, 1))
        near = np.abs(left.mean(axis=1) - right.mean(axis=1)) <= MAX_BRIGHTNESS_DIFFERENCE
        verdicts.append(near & (_correlations(left, right) >= MIN_CORRELATION))
    return np.concatenate(verdicts)


def _correlations(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    left = left - left.mean(axis=1, keepdims=True)
    right = right - right.mean(axis=1, keepdims=True)
    return (left * right).sum(axis=1) / np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
