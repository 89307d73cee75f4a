"""Groups and content ids reach scored examples, also where some could not be scored."""

import numpy as np
import pyarrow as pa
import pytest

from components.shared.contracts.example_rows import content_ids_of, groups_of
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsTable, PredictionsWriter

IDS = ["kim@example.com", "b", "c", "d", "e"]


@pytest.fixture
def tables(tmp_path):
    """An example table with a group column, and predictions of all its examples but the second, backwards."""

    def write(groups, *, role="group"):
        info = ExampleTableInfo(
            modality="tabular", class_names=("no", "yes"), column_roles={"age": "feature", "shop": role}
        )
        columns = {
            "example_id": pa.array(IDS),
            "split": pa.array(["test"] * 5),
            "label": pa.array(["no", "yes", "no", "yes", "no"]),
            "content_id": pa.array([1, 2, 3, None, 2**63 + 5], pa.uint64()),
            "age": pa.array([1.0] * 5),
            "shop": pa.array(groups, pa.string()),
        }
        extra = {"age": pa.float64(), "shop": pa.string()}
        with ExampleTableWriter(tmp_path / "examples", info, extra_columns=extra) as writer:
            writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
        with PredictionsWriter(tmp_path / "predictions", class_names=("no", "yes"), extra_columns={}) as scored:
            kept = [4, 3, 2, 0]
            scored.write(
                example_ids=[IDS[row] for row in kept],
                splits=["test"] * 4,
                labels=["no", "yes", "no", "no"],
                probabilities=np.array([[0.8, 0.2]] * 4),
                embeddings=np.empty((4, 0)),
                extra={},
            )
        return ExampleTable(tmp_path / "examples"), PredictionsTable(tmp_path / "predictions")

    return write


def test_groups_are_numbers_in_the_predictions_order_and_a_missing_one_is_none(tables) -> None:
    examples, table = tables(["a", "b", "a", None, "b"])
    numbers = groups_of(examples, table, ["test"])
    assert numbers[1] == -1
    assert numbers[2] == numbers[3] != numbers[0]
    assert len(set(numbers[numbers >= 0].tolist())) == 2


def test_groups_of_one_and_tables_without_groups_are_none(tables) -> None:
    assert groups_of(*tables(["a", "b", "c", "d", "e"]), ["test"]) is None
    assert groups_of(*tables(["a"] * 5, role="metadata"), ["test"]) is None
    assert groups_of(*tables(["a"] * 5), ["validation"]) is None


def test_content_ids_keep_all_their_digits_and_a_missing_one_is_said(tables) -> None:
    ids, known = content_ids_of(*tables(["a"] * 5), ["test"])
    assert ids[known].tolist() == [2**63 + 5, 3, 1]
    assert known.tolist() == [True, False, True, True]
