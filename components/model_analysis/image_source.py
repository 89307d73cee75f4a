"""What a user points at, as a stream of image batches: an example table, a folder of photos, a table, one photo."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import logging
from pathlib import Path

import pyarrow as pa

from components.model_analysis.image_batches import BATCH_ROWS, batched, ImageBatch, named_once, SourceImage
from components.model_analysis.image_folder import find_images, folder_images, is_image_file
from components.model_analysis.image_table import count_rows, table_images, TABLE_SUFFIXES
from components.model_analysis.label_matching import LabelMatcher
from components.shared.example_table import ExampleTable

logger = logging.getLogger(__name__)

_PREDICTION_COLUMNS = frozenset({"example_id", "split", "label", "predicted", "probabilities", "embedding"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSource:
    """A stream of images.

    Attributes
    ----------
    batches
        The images; a stream is read once.
    num_images
        How many there are, None where that is known only at the end.
    extra_columns
        Names and types of the columns that travel with them.
    """

    batches: Iterator[ImageBatch]
    num_images: int | None
    extra_columns: dict[str, pa.DataType]


def open_image_source(
    source: str, matcher: LabelMatcher, *, image_column: str | None = None, label_column: str | None = None
) -> ImageSource:
    """Open whatever holds images.

    Parameters
    ----------
    source
        A local path: an example table, a folder of photos, a `.csv`, `.tsv` or `.parquet` table, or one image file.
    matcher
        Of the model's class names: it tells which folder and file names are labels.
    image_column, label_column
        For a table: its columns by name, None to recognise them.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `source`, or no image in the folder.
    ValueError
        If it is something else, or a remote address.
    """
    path = Path(source)
    if "://" in source:
        raise ValueError(f"the data to score must be a local file or folder, got {source}: copy it here first")
    if path.is_dir():
        if any(path.glob("shard-*.parquet")):
            return example_table_source(ExampleTable(path), splits=None)
        return _folder_source(path, matcher)
    if not path.is_file():
        raise FileNotFoundError(f"the data to score must be a file or a folder, but there is nothing at {source}")
    if path.suffix.lower() in TABLE_SUFFIXES:
        images = named_once(table_images(path, image_column=image_column, label_column=label_column))
        return ImageSource(batches=batched(images), num_images=count_rows(path), extra_columns={})
    if is_image_file(path):
        images = folder_images(path.parent, [path.name], matcher)
        return ImageSource(batches=batched(images), num_images=1, extra_columns={})
    raise ValueError(
        f"the data to score must be a folder, an image or a table ({', '.join(TABLE_SUFFIXES)}), got {path}"
    )


def example_table_source(table: ExampleTable, *, splits: Sequence[str] | None) -> ImageSource:
    """Images of an example table, with its slice and sensitive columns.

    Parameters
    ----------
    table
        Of images.
    splits
        The splits to read, None for all.

    Raises
    ------
    ValueError
        If the table holds no images.
    """
    if table.info.modality != "image":
        raise ValueError(f"the example table must hold images, got the modality {table.info.modality}")
    extra = {}
    for name in table.info.columns_of("slice", "sensitive"):
        if name in _PREDICTION_COLUMNS:
            logger.warning("column %s is not carried along: the predictions table has its own of that name", name)
        else:
            extra[name] = table.schema.field(name).type
    counts = table.counts()
    num_images = sum(sum(counts[split].values()) for split in (counts if splits is None else splits))
    return ImageSource(batches=_table_batches(table, splits, list(extra)), num_images=num_images, extra_columns=extra)


def _table_batches(table: ExampleTable, splits: Sequence[str] | None, extra: Sequence[str]) -> Iterator[ImageBatch]:
    columns = ["example_id", "split", "label", "image", *extra]
    for batch in table.iter_batches(columns, splits=splits, batch_rows=BATCH_ROWS):
        values = [batch.column(position).to_pylist() for position in range(4)]
        images = tuple(
            SourceImage(example_id=example_id, split=split, label=label, content=content)
            for example_id, split, label, content in zip(*values, strict=True)
        )
        yield ImageBatch(images=images, extra={name: batch.column(4 + position) for position, name in enumerate(extra)})


def _folder_source(folder: Path, matcher: LabelMatcher) -> ImageSource:
    paths = find_images(folder)
    if not paths:
        tables = sorted(file.name for suffix in TABLE_SUFFIXES for file in folder.glob(f"*{suffix}"))
        hint = f"; it holds the table {tables[0]}: name that file instead" if tables else ""
        raise FileNotFoundError(f"the folder to score must hold at least one image, but {folder} holds none{hint}")
    images = named_once(folder_images(folder, paths, matcher))
    return ImageSource(batches=batched(images), num_images=len(paths), extra_columns={})
