"""The label rates of an example table: its labelled rows by sensitive column and by the people that texts mention."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.quality.label_rates import label_rates, LabelRates
from components.shared.contracts.example_table import ExampleTable
from components.shared.tables.identity_terms import mentioned_terms
from components.shared.tables.personal_columns import kept_columns
from components.shared.tables.sensitive_groups import sensitive_groupings

_NO_GROUP, _BATCH_ROWS = -1, 65536


def table_label_rates(table: ExampleTable) -> LabelRates:
    """Compare the labels of all labelled rows, whichever split they are in; nothing is read where nothing is asked.

    Groups are those of the sensitive columns and of every two of them; of texts, those that mention a term of
    `identity_terms` are held against the others. Values of personal data are never shown.
    """
    sensitive = [name for name in table.info.columns_of("sensitive") if name in table.schema.names]
    is_text = table.info.modality == "text"
    if table.info.is_pool or not (sensitive or is_text):
        return LabelRates()
    clusters = [name for name in table.info.columns_of("group")[:1] if name not in sensitive]
    rows = table.read(["label", *sensitive, *clusters])
    is_labelled = np.asarray(pc.is_valid(rows.column("label")))
    if not is_labelled.any():
        return LabelRates()
    rows = rows.filter(pa.array(is_labelled)).combine_chunks()
    labels = rows.column("label").combine_chunks()
    is_regression = table.info.task == "regression"
    names = () if is_regression else table.info.class_names
    numbers = labels if is_regression else pc.index_in(labels, value_set=pa.array(names, pa.string()))
    personal = set(table.info.columns_of("pii")) - kept_columns(table.schema)
    return label_rates(
        np.asarray(numbers),
        names,
        sensitive_groupings({name: rows.column(name).combine_chunks() for name in sensitive}, personal=personal),
        _mentions(table, is_labelled) if is_text else {},
        clusters=_cluster_numbers(rows.column(clusters[0]).combine_chunks()) if clusters else None,
    )


def _mentions(table: ExampleTable, is_labelled: np.ndarray) -> Mapping[tuple[str, str], np.ndarray]:
    """Masks of the labelled rows by kind and term, batch by batch, so that texts are never held whole."""
    found: dict[tuple[str, str], np.ndarray] = {}
    begin = 0
    for batch in table.iter_batches(["text"], batch_rows=_BATCH_ROWS):
        end = begin + batch.num_rows
        for key, mask in mentioned_terms(pc.fill_null(batch.column(0), "")).items():
            found.setdefault(key, np.zeros(len(is_labelled), dtype=bool))[begin:end] = mask
        begin = end
    return {key: mask[is_labelled] for key, mask in found.items()}


def _cluster_numbers(values: pa.Array) -> np.ndarray | None:
    """Shape (N,): each row's group, negative where it has none; None where no two rows are of one group."""
    indices = values.dictionary_encode().indices
    numbers: np.ndarray = pc.fill_null(indices, _NO_GROUP).to_numpy(zero_copy_only=False).astype(np.int64)
    known = numbers[numbers >= 0]
    return None if len(np.unique(known)) == len(known) else numbers
