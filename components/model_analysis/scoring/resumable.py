"""Scoring in parts: what a killed try has scored, the next one does not score again.

OUTPUT/parts/identity.json    what is scored with which model; parts of anything else are thrown away
OUTPUT/parts/00000/           a predictions table of some batches, and part.json about them
OUTPUT/predictions/           the whole, once every part is there

Parts stay until whoever scores has also written what it says of the whole, and calls `forget_parts`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
import logging
from pathlib import Path
from typing import Any

from components.model_analysis.scoring.example_batches import ExampleBatch, ExampleSource, UnreadableExample
from components.model_analysis.scoring.output_folder import OutputFolder
from components.model_analysis.scoring.predictions import write_scored
from components.modeling.predictor import Predictor
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.errors import ContractError
from components.shared.runtime.local_files import linked_file
from components.shared.runtime.progress import progress
from components.shared.runtime.redaction import masked_strings

logger = logging.getLogger(__name__)

PARTS, PREDICTIONS = "parts", "predictions"
# Some minutes of work each: what is lost with a node.
PART_EXAMPLES = {"image": 4_096, "text": 32_768, "tabular": 262_144}
_IDENTITY_FILE, _PART_FILE = "identity.json", "part.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredParts:
    """What scoring in parts left: examples that could not be read, and how many parts an earlier try had scored."""

    unreadable: tuple[UnreadableExample, ...]
    num_found: int


def score_in_parts(
    source: ExampleSource,
    predictor: Predictor,
    output: OutputFolder,
    identity: Mapping[str, Any],
    *,
    part_examples: int | None = None,
    dropout_passes: int = 0,
) -> ScoredParts:
    """Score every example of a source into `OUTPUT/predictions`, going on where an earlier try was stopped.

    Parameters
    ----------
    source
        Gives the same examples in the same order at every try.
    output
        Where parts are kept until the whole is there.
    identity
        JSON values: what is scored, and by which model. Parts of another identity are thrown away.
    part_examples
        Examples a part, about; None for the modality's.
    dropout_passes
        How often each example is answered with dropout, for its mutual information; 0 for not at all.

    Raises
    ------
    ValueError
        If an example cannot be used, or the output cannot be written.
    """
    kept = _kept_parts(output, identity)
    parts = list(kept)
    batches = iter(source.batches)
    skipped = sum(part["num_batches"] for part in parts)
    found = sum(part["num_examples"] for part in parts)
    if parts:
        logger.info("going on after %d examples that were scored before", found)
    for _ in islice(batches, skipped):
        pass
    size = part_examples or PART_EXAMPLES[predictor.features.modality]
    by_hand: Iterable[object] = ()
    with progress(by_hand, label="scoring", total=source.num_examples) as bar:
        bar.update(found)
        for chunk in _chunks(batches, size):
            name = f"{PARTS}/{len(parts):05d}"
            unreadable = write_scored(
                chunk, source, predictor, output.local / name, bar=bar, dropout_passes=dropout_passes
            )
            part = {
                "num_batches": len(chunk),
                "num_examples": sum(map(len, chunk)),
                "num_rows": sum(map(len, chunk)) - len(unreadable),
                "unreadable": masked_strings([asdict(example) for example in unreadable]),
            }
            write_json(output.local / name / _PART_FILE, part)
            output.store(name)
            parts.append(part)
        if not parts:
            write_scored([], source, predictor, output.local / PARTS / "00000", bar=bar, dropout_passes=dropout_passes)
    _join(output)
    unreadable = [UnreadableExample(**example) for part in parts for example in part["unreadable"]]
    return ScoredParts(unreadable=(*unreadable, *source.unreadable), num_found=found)


def _kept_parts(output: OutputFolder, identity: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of an earlier try, in their order, up to the first that is not whole."""
    output.fetch(PARTS)
    known = output.local / PARTS / _IDENTITY_FILE
    if (output.local / PARTS).exists() and not known.is_file():
        raise ValueError(f"{output.where(PARTS)} must be what scoring left, but is something else: name another output")
    if not known.is_file() or read_json(known, what="what was scored") != dict(identity):
        # No table of other data may be taken for this one's.
        output.remove(PREDICTIONS)
        output.remove(PARTS)
        write_json(known, dict(identity))
        output.store(f"{PARTS}/{_IDENTITY_FILE}")
        return []
    kept: list[dict[str, Any]] = []
    while _is_whole(folder := output.local / PARTS / f"{len(kept):05d}"):
        kept.append(read_json(folder / _PART_FILE, what="a scored part"))
    for folder in (output.local / PARTS).glob("[0-9]*"):
        if int(folder.name) >= len(kept):
            output.remove(f"{PARTS}/{folder.name}")
    return kept


def _is_whole(folder: Path) -> bool:
    if not (folder / _PART_FILE).is_file():
        return False
    try:
        return PredictionsTable(folder).num_rows == read_json(folder / _PART_FILE, what="a scored part")["num_rows"]
    except (FileNotFoundError, ContractError):
        return False


def _chunks(batches: Iterator[ExampleBatch], size: int) -> Iterator[list[ExampleBatch]]:
    """Lists of batches with `size` examples or a batch more; the last may have fewer."""
    chunk: list[ExampleBatch] = []
    for batch in batches:
        chunk.append(batch)
        if sum(map(len, chunk)) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _join(output: OutputFolder) -> None:
    """Make one table of all parts; its first shard comes last, so that no reader takes less for the whole."""
    output.remove(PREDICTIONS)
    (output.local / PREDICTIONS).mkdir()
    shards = [shard for part in sorted((output.local / PARTS).glob("[0-9]*")) for shard in _shards(part)]
    for number, shard in reversed(list(enumerate(shards))):
        linked_file(shard, output.local / PREDICTIONS / f"shard-{number:05d}.parquet")
    output.store(PREDICTIONS)


def forget_parts(output: OutputFolder) -> None:
    """Take the parts away: what is written of the whole is written."""
    output.remove(PARTS)


def _shards(part: Path) -> list[Path]:
    return sorted(part.glob("shard-*.parquet"))
