"""A team's custom feature function: domain knowledge that derives better columns from raw ones, before anything else.

The function `derive(columns, options)` takes the example table's columns by name (Arrow arrays of B rows) and returns
columns: those it changed, those it added, and those it keeps. What follows (scaling, n-grams, resizing) is fitted to
its result on training rows, and training, analysis and serving call it in the same way.
"""

from collections.abc import Iterable, Iterator, Mapping
import logging
from typing import Any, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from components.modeling.tabular.features import TabularFeatures
from components.shared.feature_store.blocks import InputSpec
from components.shared.runtime.custom_code import custom_function
from components.shared.runtime.errors import ContractError
from components.shared.tables.column_types import as_type, type_of_stored

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_TYPE_NAMES = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "binary": pa.binary()}


class CustomCodeError(RuntimeError):
    """A team's custom function broke its contract: a fault of the code, not of the examples."""


class CustomFeatures:
    """Features of columns that a team's custom function derives; see `Features` for its methods.

    Parameters
    ----------
    function
        `<package.module>:<function>`.
    options
        What the function is told, as JSON values.
    column_types
        The raw columns that the function takes, and their types.
    base
        The features of what it returns.

    Raises
    ------
    ValueError
        If the environment does not allow the function, or it cannot be imported.
    """

    kind = "own"

    def __init__(
        self, function: str, options: Mapping[str, Any], column_types: Mapping[str, pa.DataType], base: Any
    ) -> None:
        self._derive = Derivation(function, options, column_types)
        self.column_types = dict(column_types)
        self.base = base

    def with_base(self, base: Any) -> "CustomFeatures":
        """The same function before other features."""
        return CustomFeatures(self._derive.function, self._derive.options, self.column_types, base)

    @property
    def modality(self) -> str:
        """`image`, `text` or `tabular`."""
        return str(self.base.modality)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the example table that the function takes."""
        return tuple(self.column_types)

    @property
    def input_specs(self) -> dict[str, InputSpec]:
        """Type and shape of every input that `prepare` returns."""
        return dict(self.base.input_specs)

    def prepare(self, columns: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
        """Inputs of B examples from their raw values; ValueError names what cannot be used."""
        derived = self._derive(self._cleaned(columns))
        missing = [name for name in self.base.columns if name not in derived]
        if missing:
            raise CustomCodeError(
                f"the feature function {self._derive.function} must return the column {missing[0]!r}, "
                f"got {', '.join(derived)}"
            )
        return dict(self.base.prepare(derived))

    def _cleaned(self, columns: Mapping[str, pa.Array]) -> Mapping[str, pa.Array]:
        """Raw values of a table as ingestion hands them over: the function sees no others."""
        if not isinstance(self.base, TabularFeatures):
            return columns
        kinds = {name: kind for name, kind in self.column_types.items() if name in columns}
        clean = {name: self.base.cleaning.column(columns[name], _seen_type(kind)) for name, kind in kinds.items()}
        return {**columns, **clean}

    def tensors(self, inputs: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, ...]":
        """What the network's `forward` takes, on the device of the inputs."""
        return tuple(self.base.tensors(inputs))

    def files(self) -> Mapping[str, bytes]:
        """Further files of the features that follow, by name."""
        return dict(self.base.files())

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        names = {kind: name for name, kind in _TYPE_NAMES.items()}
        return {
            "kind": self.kind,
            "function": self._derive.function,
            "options": dict(self._derive.options),
            "columns": {name: names[kind] for name, kind in self.column_types.items()},
            "base": self.base.to_dict(),
        }


class Derivation:
    """A team's function, called and checked; parameters and errors as of `CustomFeatures`.

    The function gets all numbers as float64, for a request has no other.
    """

    def __init__(self, function: str, options: Mapping[str, Any], column_types: Mapping[str, pa.DataType]) -> None:
        self.function = function
        self.options = dict(options)
        self._types = dict(column_types)
        self._call = custom_function(function)

    def __call__(self, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """Derived columns from raw columns of B rows each; further columns are ignored.

        Raises
        ------
        ContractError
            If a raw column is missing.
        ValueError
            What the function itself raises as one, for a row that it cannot use.
        CustomCodeError
            If the function fails otherwise, or returns something else than columns of B rows. The values that it
            failed on are only in the log.
        """
        missing = [name for name in self._types if name not in columns]
        if missing:
            raise ContractError(f"the columns must have {missing[0]!r}, got {', '.join(columns) or 'none'}")
        raw = {name: _plain(columns[name], kind) for name, kind in self._types.items()}
        num_rows = len(next(iter(raw.values()), ()))
        try:
            derived = self._call(raw, dict(self.options))
        except ValueError:
            raise
        except Exception as error:
            logger.exception("the feature function %s failed", self.function)
            raise CustomCodeError(f"the feature function {self.function} failed: {type(error).__name__}") from error
        if not isinstance(derived, Mapping) or not derived:
            raise CustomCodeError(
                f"the feature function {self.function} must return columns by name, got {type(derived).__name__}"
            )
        return {name: self._column(name, values, num_rows) for name, values in derived.items()}

    def over(self, batches: Iterable[Mapping[str, pa.Array]]) -> Iterator[dict[str, pa.Array]]:
        """Derived columns, a batch after the other."""
        for batch in batches:
            yield self(batch)

    def _column(self, name: Any, values: Any, num_rows: int) -> pa.Array:
        try:
            column = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
            raise CustomCodeError(
                f"the column {name!r} of the feature function {self.function} must be values: {error}"
            ) from error
        if len(column) != num_rows:
            raise CustomCodeError(
                f"the column {name!r} of the feature function {self.function} must have a value a row, {num_rows}, "
                f"got {len(column)}"
            )
        return column


def _plain(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Values as any caller has them: texts as texts, numbers as float64, files as they are."""
    if pa.types.is_binary(kind):
        return values
    return as_type(values, _seen_type(kind))


def _seen_type(kind: pa.DataType) -> pa.DataType:
    return kind if kind == pa.string() else pa.float64()


def custom_features_from(content: Mapping[str, Any], base: Any) -> CustomFeatures:
    """Features that `to_dict` wrote, before their base; ContractError if a key is missing or wrong."""
    try:
        types = {name: _TYPE_NAMES[kind] for name, kind in content["columns"].items()}
        function, options = str(content["function"]), dict(content["options"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ContractError(f"own features must have function, options, columns and base: {error!r}") from error
    return CustomFeatures(function, options, types, base)


def raw_types(schema: pa.Schema, columns: Iterable[str]) -> dict[str, pa.DataType]:
    """Types of a schema's columns as requests and tables give them: string, int64, float64 or binary."""
    stored = {name: schema.field(name).type for name in columns}
    return {name: kind if pa.types.is_binary(kind) else _type_of(kind) for name, kind in stored.items()}


def _type_of(stored: pa.DataType) -> pa.DataType:
    kind = type_of_stored(stored)
    # A column without any value is one of texts.
    return pa.string() if kind is None or pa.types.is_null(kind) else kind
