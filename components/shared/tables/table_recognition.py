"""What a table file is, by its name, its first bytes and what the problem file says of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from components.shared.tables.delimited_form import delimited_form
from components.shared.tables.file_kinds import refuse_other_kinds
from components.shared.tables.json_lines import holds_json_lines, json_columns
from components.shared.tables.opening import opened, opened_text, PACKED_SUFFIXES, readable
from components.shared.tables.repair_spec import Repair
from components.shared.tables.table_files import TableFile
from components.shared.tables.table_spec import TableSpec
from components.shared.tables.text_encoding import recognised_encoding
from components.shared.tables.value_cleaning import value_cleaning_of

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def table_file(uri: str, spec: TableSpec, repairs: Sequence[Repair] = ()) -> TableFile:
    """A table file at a local path or fsspec URI, with what is repaired; what `spec` leaves open is recognised.

    Raises
    ------
    ValueError
        If format, delimiter or encoding cannot be recognised, or the file is empty.
    """
    return replace(_recognised_file(uri, spec), repairs=tuple(repairs))


def _recognised_file(uri: str, spec: TableSpec) -> TableFile:
    path = PurePosixPath(uri)
    suffix = PurePosixPath(path.stem).suffix if path.suffix.lower() in PACKED_SUFFIXES else path.suffix
    kind = spec.format or _SUFFIXES.get(suffix.lower())
    cleaning = value_cleaning_of(spec)
    if kind == "parquet":
        _check_no_names(uri, spec)
        return TableFile(uri=uri, is_parquet=True, cleaning=cleaning)
    with readable(uri), opened(uri, unpack=True) as stream:
        refuse_other_kinds(stream, uri, is_decoded=spec.encoding is not None)
    if kind is None and not holds_json_lines(uri, spec.encoding):
        raise ValueError(
            f"{uri} must be a folder of images or a table ending in {', '.join(_SUFFIXES)}; "
            "for a table of another name set table.format"
        )
    with readable(uri), opened(uri, unpack=True) as stream:
        encoding = spec.encoding or recognised_encoding(stream, uri=uri)
    inferred = () if spec.encoding is not None else (f"{path.name} is read as {encoding}",)
    is_named = kind == "jsonl" and (spec.format is not None or suffix.lower() != ".json")
    if kind in (None, "jsonl") or (
        spec.format is None and spec.delimiter is None and holds_json_lines(uri, spec.encoding)
    ):
        return _json_lines_file(uri, spec, encoding, inferred if is_named else (*inferred, _as_json_lines(path)))
    with readable(uri), opened_text(uri, encoding) as text:
        form = delimited_form(text, spec, usual_delimiter=_DELIMITERS[kind], uri=uri)
    return TableFile(
        uri=uri,
        encoding=encoding,
        names=form.names,
        form=form,
        cleaning=cleaning,
        inferred=(*inferred, *form.inferred),
    )


def _json_lines_file(uri: str, spec: TableSpec, encoding: str, inferred: tuple[str, ...]) -> TableFile:
    _check_no_names(uri, spec)
    with readable(uri), opened_text(uri, encoding) as text:
        names = json_columns(text, uri=uri)
    return TableFile(
        uri=uri,
        is_json_lines=True,
        encoding=encoding,
        names=names,
        cleaning=value_cleaning_of(spec),
        inferred=inferred,
    )


def _as_json_lines(path: PurePosixPath) -> str:
    return f"{path.name} is read as JSON lines, one object a line"


def _check_no_names(uri: str, spec: TableSpec) -> None:
    if spec.columns or spec.header is not None:
        key = "columns" if spec.columns else "header"
        raise ValueError(f"table.{key} must be left out for {uri}: its columns have names of their own")
