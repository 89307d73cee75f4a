"""Values of texts that look as if somebody wrote them for a missing value."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
import itertools
import json

import pyarrow as pa
import pyarrow.compute as pc

_WORDS = ("?", "-", "na", "n/a", "#n/a", "<na>", "null", "none", "nan")
_MAX_LISTED = 5


def _spellings(word: str) -> list[str]:
    return ["".join(letters) for letters in itertools.product(*({letter, letter.upper()} for letter in word))]


_SPELLINGS = pa.array(sorted(spelling for word in _WORDS for spelling in _spellings(word)), pa.string())


def missing_words(values: pa.Array, *, but: Collection[str] = ()) -> Counter[str]:
    """How often each value that looks missing occurs among cleaned texts (N,): `?`, `NA`, `-`, `null` in any case.

    Values of `but`, in any case, are no such values here.
    """
    found = values.filter(pc.is_in(values, value_set=_SPELLINGS)).to_pylist()
    wanted = {word.casefold() for word in but}
    return Counter(value for value in found if value.casefold() not in wanted)


def missing_words_among(value_counts: Mapping[str, int]) -> Counter[str]:
    """The same of a column's values with their counts."""
    return Counter({value: count for value, count in value_counts.items() if value.strip().casefold() in _WORDS})


def missing_words_sentences(found: Mapping[str, Mapping[str, int]], *, known: Sequence[str] = ()) -> dict[str, str]:
    """What to say of each column that holds values that look missing.

    Parameters
    ----------
    found
        `{column: {value: count}}`; columns without any are passed over.
    known
        What `table.missing` lists already.

    Returns
    -------
    dict
        A sentence a column: value, count, and the line that makes all such values missing.
    """
    words = dict.fromkeys([*known, *(value for counts in found.values() for value in sorted(counts))])
    line = f"table: {{missing: {json.dumps(list(words), ensure_ascii=False)}}}"
    return {
        column: f"column {column!r} holds {_listed(counts)}: if that means a missing value, write {line} in the "
        "problem file"
        for column, counts in found.items()
        if counts
    }


def _listed(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{value!r} {count:,} times" if count > 1 else f"{value!r} once" for value, count in ordered[:_MAX_LISTED]]
    return ", ".join(shown) + (f" and {len(ordered) - _MAX_LISTED} more" if len(ordered) > _MAX_LISTED else "")
