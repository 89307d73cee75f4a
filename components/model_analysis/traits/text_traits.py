"""What a text is like: its length, its scripts, emoji, repeats, and what a tokenizer does not know of it."""

from collections.abc import Callable, Sequence
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.tables.text_measures import TEXT_MEASURES, text_measures

SHARE_UNKNOWN = "share_unknown"
# Those that ingestion stores come first.
TEXT_TRAITS: dict[str, pa.DataType] = {
    **TEXT_MEASURES,
    "share_letters": pa.float64(),
    "share_emoji": pa.float64(),
    "share_repeated": pa.float64(),
}
_VISIBLE = r"[^\s\p{Z}\p{Cc}]"
_EMOJI = r"[\x{2600}-\x{27BF}\x{2B50}\x{2B55}\x{1F000}-\x{1FAFF}]"
_RUN = re.compile(r"(\S)\1{2,}")


def text_traits(texts: pa.Array, *, tokenizer: str | None = None) -> dict[str, pa.Array]:
    """Measure N texts.

    Parameters
    ----------
    texts
        Shape (N,), string, without nulls.
    tokenizer
        The content of a `tokenizer.json`, as a bundle of subwords holds it.

    Returns
    -------
    dict
        Arrays of shape (N,): what `text_measures` gives, and shares of the visible characters, 0 to 1, `nan` of a text
        without one: `share_letters` of any script, `share_emoji`, `share_repeated` (that stand in a run of three or
        more of the same, as in `ㅋㅋㅋ`). With a tokenizer also `share_unknown`, see `unknown_shares`.
    """
    visible = _count(texts, _VISIBLE)
    runs = pa.array([sum(len(found[0]) for found in _RUN.finditer(text)) for text in texts.to_pylist()], pa.float64())
    found = {
        **text_measures(texts),
        "share_letters": pc.divide(_count(texts, r"\p{L}"), visible),
        "share_emoji": pc.divide(_count(texts, _EMOJI), visible),
        "share_repeated": pc.divide(runs, visible),
    }
    return found if tokenizer is None else found | {SHARE_UNKNOWN: pa.array(unknown_shares(texts, tokenizer))}


def unknown_shares(texts: pa.Array | Sequence[str], tokenizer: str) -> np.ndarray:
    """Share of each text's tokens that a tokenizer has no word for, shape (N,), 0 to 1; `nan` where there is no token.

    0 for a tokenizer that knows every byte. `tokenizer` is the content of a `tokenizer.json`.
    """
    # Here, not above: most examples are no texts.
    from tokenizers import Tokenizer

    opened = Tokenizer.from_str(tokenizer)
    unknown = _unknown_id(tokenizer, opened.token_to_id)
    listed = texts.to_pylist() if isinstance(texts, pa.Array) else list(texts)
    encoded = opened.encode_batch(listed, add_special_tokens=False)
    return np.array([_share(encoding.ids, unknown) for encoding in encoded], dtype=np.float64)


def _unknown_id(tokenizer: str, id_of: Callable[[str], int | None]) -> int | None:
    model = json.loads(tokenizer)["model"]
    if isinstance(model.get("unk_id"), int):  # a Unigram model counts, the others name it
        return int(model["unk_id"])
    return id_of(model["unk_token"]) if model.get("unk_token") else None


def _share(ids: Sequence[int], unknown: int | None) -> float:
    return ids.count(unknown) / len(ids) if ids else float("nan")


def _count(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.count_substring_regex(texts, pattern=pattern).cast(pa.float64())
