"""What a user points at, as a stream of examples: an example table, a folder of photos, a table file, one photo."""

from collections.abc import Iterator, Sequence
import logging
from pathlib import Path

import pyarrow as pa

from components.model_analysis.scoring.example_batches import BATCH_ROWS, ExampleBatch, ExampleSource, UnreadableExample
from components.model_analysis.scoring.image_files import is_image_file
from components.model_analysis.scoring.image_folder import changed_labels, find_images, folder_batches
from components.model_analysis.scoring.table_columns import choose_columns, TableHints
from components.model_analysis.scoring.table_source import table_source
from components.modeling.features import Features
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.contracts.label_origin import LABEL_SOURCE
from components.shared.tables.personal_columns import kept_columns
from components.shared.tables.photo_file_names import readable_name
from components.shared.tables.photo_places import named_photos, PhotoPlaces
from components.shared.tables.photo_tables import label_table, photo_column, stores_images
from components.shared.tables.table_recognition import table_file

logger = logging.getLogger(__name__)

_PREDICTION_COLUMNS = frozenset({"example_id", "split", "label", "predicted", "probabilities", "embedding"})
_TABLE_PATTERNS = ("*.csv", "*.tsv", "*.jsonl", "*.parquet")


def open_source(source: str, features: Features, matcher: LabelMatcher, hints: TableHints) -> ExampleSource:
    """Open the examples at a local path: an example table, a table file, for images also a folder or one image file.

    Of images, a `labels.csv` in the folder (see `LABEL_TABLES`) says what they are, else `matcher` tells which folder
    and file names are labels.
    """
    path = Path(source)
    if "://" in source:
        raise ValueError(f"the data to score must be a local file or folder, got {source}: copy it here first")
    if path.is_dir():
        if any(path.glob("shard-*.parquet")):
            return example_table_source(ExampleTable(path), features, splits=None)
        return _folder_source(path, features, matcher, hints)
    if not path.is_file():
        raise FileNotFoundError(f"the data to score must be a file or a folder, but there is nothing at {source}")
    if features.modality == "image" and is_image_file(path):
        return _image_source(path.parent, [path.name], matcher)
    return table_source(path, features, hints)


def example_table_source(table: ExampleTable, features: Features, *, splits: Sequence[str] | None) -> ExampleSource:
    """Examples of an example table's `splits` (None for all), with its slice and sensitive columns."""
    if table.info.modality != features.modality:
        raise ValueError(
            f"the example table must hold {features.modality} examples, as the model takes, "
            f"got the modality {table.info.modality}"
        )
    for name in features.columns:
        if name not in table.schema.names:
            raise ValueError(
                f"the example table must have the column {name!r}, which the model reads; "
                f"it has {', '.join(table.schema.names)}"
            )
    extra = {}
    for name in table.info.columns_of("slice", "sensitive"):
        if name in _PREDICTION_COLUMNS:
            logger.warning("column %s is not carried along: the predictions table has its own of that name", name)
        else:
            extra[name] = table.schema.field(name).type
    if _holds_labels_of_machines(table, splits):
        extra[LABEL_SOURCE] = pa.string()
    counts = table.counts()
    return ExampleSource(
        batches=_table_batches(table, features, splits, tuple(extra)),
        num_examples=sum(sum(counts[split].values()) for split in (counts if splits is None else splits)),
        extra_columns=extra,
        kept=kept_columns(table.schema),
    )


def _holds_labels_of_machines(table: ExampleTable, splits: Sequence[str] | None) -> bool:
    sources = table.read([LABEL_SOURCE], splits=splits).column(0).unique().to_pylist()
    return not set(sources) <= {None, "person"}


def _table_batches(
    table: ExampleTable, features: Features, splits: Sequence[str] | None, extra: Sequence[str]
) -> Iterator[ExampleBatch]:
    wanted = dict.fromkeys(["example_id", "split", "label", *features.columns, *extra])
    for batch in table.iter_batches(list(wanted), splits=splits, batch_rows=BATCH_ROWS[features.modality]):
        yield ExampleBatch(
            example_ids=batch.column("example_id").to_pylist(),
            labels=batch.column("label").to_pylist(),
            splits=[split or "test" for split in batch.column("split").to_pylist()],  # a pool has none
            columns={name: batch.column(name) for name in features.columns},
            extra={name: batch.column(name) for name in extra},
        )


def _folder_source(folder: Path, features: Features, matcher: LabelMatcher, hints: TableHints) -> ExampleSource:
    tables = sorted(file.name for pattern in _TABLE_PATTERNS for file in folder.glob(pattern))
    hint = f"; it holds the table {tables[0]}: name that file instead" if tables else ""
    if features.modality != "image":
        raise ValueError(
            f"the data to score must be a table file or an example table, for the model takes {features.modality} "
            f"examples, but {folder} is a folder of other files{hint}"
        )
    paths = find_images(folder)
    if not paths:
        raise FileNotFoundError(f"the folder to score must hold at least one image, but {folder} holds none{hint}")
    table = label_table([path.name for path in folder.iterdir()], where=str(folder))
    described = None if table is None else _described_images(folder / table, paths, features, hints)
    return _image_source(folder, paths, matcher) if described is None else described


def _described_images(path: Path, images: Sequence[str], features: Features, hints: TableHints) -> ExampleSource | None:
    """The images that a table beside them names; None where it names no images or labels, and so is another table.

    Images that it does not name are unreadable: their label is not known, and they are not silently left out.
    """
    file = table_file(str(path), hints.problem.table, hints.repairs)
    column = photo_column(file, told=hints.payload or hints.problem.image, ignored=hints.problem.ignore, is_image=True)
    if column is None or choose_columns(file.column_names(), features, hints, where=str(path)).label is None:
        logger.warning("%s is not used: it has no column of photos (--image-column) or none of labels", path)
        return None
    source = table_source(path, features, hints)
    if not stores_images(file, column):
        listed = {readable_name(name): name for name in images}
        named = named_photos(file, column, PhotoPlaces(root=str(path.parent.absolute()), is_local=True, listed=listed))
        reason = f"{path.name} does not name it"
        source.unreadable.extend(
            UnreadableExample(example_id=name, split="test", reason=reason) for name in listed if name not in named
        )
    return source


def _image_source(folder: Path, paths: Sequence[str], matcher: LabelMatcher) -> ExampleSource:
    batches = folder_batches(folder, paths, matcher, batch_rows=BATCH_ROWS["image"])
    return ExampleSource(batches=batches, num_examples=len(paths), changed_labels=tuple(changed_labels(paths, matcher)))
