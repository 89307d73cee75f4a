"""Small tables of texts with groups, and pools beside them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.split_line import content_fingerprints
from components.shared.contracts.split_record import content_key

INFO = ExampleTableInfo(
    modality="text", class_names=("neg", "pos"), column_roles={"author": "group", "place": "metadata"}, label_version=2
)
EXTRA = {"author": pa.string(), "place": pa.string()}
# example_id, text, split, label, label_source, author
Row = tuple[str, str, str | None, str | None, str | None, str | None]


def write_rows(path: Path, rows: Sequence[Row], *, is_pool: bool = False) -> ExampleTable:
    ids, texts, splits, labels, sources, authors = (list(column) for column in zip(*rows, strict=True))
    contents = [content_key(text) for text in content_fingerprints([pa.array(texts, pa.string())])]
    columns = {
        "example_id": pa.array(ids, pa.string()),
        "text": pa.array(texts, pa.string()),
        "split": pa.array(splits, pa.string()),
        "label": pa.array(labels, pa.string()),
        "label_source": pa.array(sources, pa.string()),
        "label_version": pa.array([2] * len(ids), pa.int32()),
        "content_id": pa.array(contents, pa.uint64()),
        "author": pa.array(authors, pa.string()),
        "place": pa.array(["Seoul"] * len(ids)),
    }
    with ExampleTableWriter(path, replace(INFO, is_pool=is_pool), extra_columns=EXTRA) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return ExampleTable(path)


def table_rows(table: ExampleTable) -> dict[str, dict]:
    return {row["example_id"]: row for row in table.read().to_pylist()}


def labelled_table(path: Path) -> ExampleTable:
    """Ten rows labelled by people, one by a rule, two not labelled, of which one is tested on."""
    rows: list[Row] = [
        (f"t{number}", f"text {number}", "train" if number < 7 else "validation" if number < 8 else "test", "pos",
         "person", f"author {number}")
        for number in range(10)
    ]  # fmt: skip
    rows += [
        ("rule", "by a rule", "train", "neg", "rule", None),
        ("open", "not labelled", "train", None, None, None),
        ("open test", "not labelled, tested on", "test", None, None, None),
    ]
    return write_rows(path, rows)


def pool_of(path: Path, num_rows: int = 200, **texts: str) -> ExampleTable:
    """Rows p0, p1 ... of their own authors; `texts` are further rows by their identifiers."""
    rows: list[Row] = [
        (f"p{number}", f"pooled {number}", None, None, None, f"pooled author {number}") for number in range(num_rows)
    ]
    rows += [(name, text, None, None, None, None) for name, text in texts.items()]
    return write_rows(path, rows, is_pool=True)
