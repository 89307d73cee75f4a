"""Where schema and statistics come from: TFDV's files, or the small schemas that this family brings along."""

from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.shared.contracts.problem import Modality

_BUILTIN_SCHEMAS = Path(__file__).with_name("schemas")
# The training split first: what a run of validation and a model's bundle leave.
_STATISTICS_NAMES = ("train.pb", "statistics.pb", "statistics/train.pb", "statistics/statistics.pb")


def read_schema(path: str | Path) -> schema_pb2.Schema:
    """Read TFMD's `Schema`, protobuf text in UTF-8, with one column or more."""
    schema: schema_pb2.Schema = _parsed(path, schema_pb2.Schema(), what="the schema")
    if not schema.feature:
        raise ValueError(f"the schema {path} must describe at least one column as a feature, got none")
    return schema


def builtin_schema(modality: Modality) -> schema_pb2.Schema:
    """The small schema of a modality from which CI makes its examples."""
    file = _BUILTIN_SCHEMAS / f"{modality}.pbtxt"
    if not file.is_file():
        names = ", ".join(sorted(path.stem for path in _BUILTIN_SCHEMAS.glob("*.pbtxt")))
        raise ValueError(f"the schema that is built in must be one of {names}, got {modality!r}")
    return read_schema(file)


def read_statistics(path: str | Path) -> statistics_pb2.DatasetFeatureStatistics:
    """Read TFDV's statistics of the data that the mock is to resemble: the first data set, all rows and no slice.

    A serialized `DatasetFeatureStatisticsList` (`.pb`, or protobuf text in `.pbtxt`), or a folder that holds one:
    `train.pb` of a validated example table or a bundle, else `statistics.pb`.
    """
    file = _statistics_file(Path(path))
    if file.suffix in (".pbtxt", ".txt"):
        found = _parsed(file, statistics_pb2.DatasetFeatureStatisticsList(), what="the statistics")
    else:
        try:
            found = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
        except DecodeError as error:
            raise ValueError(
                f"the statistics {file} must be a serialized DatasetFeatureStatisticsList: {error}"
            ) from error
    if not found.datasets or not found.datasets[0].num_examples:
        raise ValueError(f"the statistics {file} must be of one example or more, got none")
    return found.datasets[0]


def _statistics_file(path: Path) -> Path:
    file = next((path / name for name in _STATISTICS_NAMES if (path / name).is_file()), path)
    if file.is_file():
        return file
    if path.is_dir():
        raise FileNotFoundError(f"the folder {path} must hold statistics, {' or '.join(_STATISTICS_NAMES[:2])}")
    raise FileNotFoundError(f"the statistics must be a file or a folder, but there is nothing at {path}")


def _parsed(path: str | Path, message: Any, *, what: str) -> Any:
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{what} must be a file, but there is none at {file}")
    try:
        return text_format.Parse(file.read_text(encoding="utf-8-sig"), message)
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} {file} must be protobuf text in UTF-8: {error}") from error
    except text_format.ParseError as error:
        place = f", line {error.GetLine()}" if error.GetLine() else ""
        reason = str(error).split(" : ", 1)[-1].rstrip(". ")
        kind = type(message).__name__
        raise ValueError(f"{what} {file}{place} must be TFMD's {kind} as protobuf text: {reason}") from error
