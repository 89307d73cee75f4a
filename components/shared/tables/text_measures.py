"""Measures of a text that can be monitored: its length, and the share of each script."""

import pyarrow as pa
import pyarrow.compute as pc

TEXT_MEASURES: dict[str, pa.DataType] = {
    "text_length": pa.int64(),
    "text_words": pa.int64(),
    "share_hangul": pa.float64(),
    "share_latin": pa.float64(),
    "share_digits": pa.float64(),
    "share_other": pa.float64(),
}
_SCRIPTS = {"share_hangul": r"\p{Hangul}", "share_latin": r"\p{Latin}", "share_digits": r"\p{Nd}"}
_VISIBLE = r"[^\s\p{Z}\p{Cc}]"


def text_measures(texts: pa.Array) -> dict[str, pa.Array]:
    """Measures of texts (N,), string, without nulls.

    Returns
    -------
    dict
        For every name in `TEXT_MEASURES` an array of shape (N,): `text_length` in characters (code points),
        `text_words` in runs of visible characters, and the shares of the visible characters, 0 to 1, which add
        up to 1; `nan` for a text without a visible character.
    """
    visible = _count(texts, _VISIBLE)
    shares = {
        name: pc.divide(_count(texts, pattern).cast(pa.float64()), visible.cast(pa.float64()))
        for name, pattern in _SCRIPTS.items()
    }
    known = pc.add(pc.add(shares["share_hangul"], shares["share_latin"]), shares["share_digits"])
    rest = pc.subtract(1.0, known)
    # Three shares that add up to 1 may miss it by one unit in the last place.
    other = pc.if_else(pc.less(rest, 0.0), 0.0, rest)
    return {
        "text_length": pc.utf8_length(texts).cast(pa.int64()),
        "text_words": _count(texts, _VISIBLE + "+"),
        **shares,
        "share_other": other,
    }


def _count(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.count_substring_regex(texts, pattern=pattern).cast(pa.int64())
