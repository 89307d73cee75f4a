from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.shared.contracts.predictions_table import MUTUAL_INFORMATION, PredictionsTable, PredictionsWriter
from components.shared.runtime.errors import ContractError
from components.shared.tables.personal_key import keyed_hash

GOLDEN = Path(__file__).parent / "golden" / "predictions_table_v1"


def write(path: Path, probabilities, *, embeddings=None, batches: int = 1) -> Path:
    probabilities = np.asarray(probabilities, dtype=np.float64).reshape(-1, 2)
    num_rows = len(probabilities)
    with PredictionsWriter(path, class_names=("cat", "dog"), extra_columns={"place": pa.string()}) as writer:
        for _ in range(batches):
            writer.write(
                example_ids=[f"e{row}" for row in range(num_rows)],
                splits=["test"] * num_rows,
                labels=["cat"] * num_rows,
                probabilities=probabilities,
                embeddings=np.zeros((num_rows, 0)) if embeddings is None else embeddings,
                extra={"place": pa.array(["서울"] * num_rows)},
            )
    return path


def test_the_most_probable_class_is_predicted(tmp_path):
    table = PredictionsTable(write(tmp_path, [[0.9, 0.1], [0.2, 0.8]]))
    assert table.read(["predicted"]).column(0).to_pylist() == ["cat", "dog"]
    assert table.slice_columns == ("place",)
    assert table.class_names == ("cat", "dog")


def test_probabilities_come_back_in_order_over_batches_and_splits(tmp_path):
    table = PredictionsTable(write(tmp_path, [[0.75, 0.25], [0.125, 0.875]], batches=3))
    expected = np.array([[0.75, 0.25], [0.125, 0.875]] * 3, np.float32)
    np.testing.assert_array_equal(table.probabilities(), expected)
    np.testing.assert_array_equal(table.probabilities(splits=["test"]), expected)
    assert table.probabilities(splits=["train"]).shape == (0, 2)
    assert table.num_rows == 6


def test_embeddings_are_kept_and_may_be_absent(tmp_path):
    with_them = PredictionsTable(write(tmp_path / "with", [[0.5, 0.5]], embeddings=np.array([[1.0, 2.0]])))
    assert with_them.read(["embedding"]).column(0).to_pylist() == [[1.0, 2.0]]
    without = PredictionsTable(write(tmp_path / "without", [[0.5, 0.5]]))
    assert without.read(["embedding"]).column(0).to_pylist() == [[]]


def test_no_rows_make_a_table(tmp_path):
    table = PredictionsTable(write(tmp_path, np.zeros((0, 2))))
    assert table.num_rows == 0
    assert table.probabilities().shape == (0, 2)


@pytest.mark.parametrize("wrong", [[[0.9, 0.9]], [[float("nan"), 0.5]], [[0.0, 0.0]]])
def test_probabilities_that_do_not_add_up_to_1_are_refused(tmp_path, wrong):
    with pytest.raises(ContractError, match="each row of probabilities must add up to 1"):
        write(tmp_path, wrong)


def test_probabilities_of_another_shape_are_refused_with_both_shapes(tmp_path):
    with (
        PredictionsWriter(tmp_path, class_names=("a", "b", "c"), extra_columns={}) as writer,
        pytest.raises(ContractError, match=r"probabilities must have the shape \(1, 3\), got \(1, 2\)"),
    ):
        writer.write(
            example_ids=["a"], splits=["test"], labels=[None], probabilities=np.array([[0.5, 0.5]]),
            embeddings=np.zeros((1, 0)), extra={},
        )  # fmt: skip


def test_version_1_still_loads():
    table = PredictionsTable(GOLDEN)
    assert table.read(["example_id", "split", "label", "predicted", "embedding", "place"]).to_pydict() == {
        "example_id": ["a", "b"],
        "split": ["validation", "test"],
        "label": ["cat", None],
        "predicted": ["cat", "dog"],
        "embedding": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        "place": ["서울", None],
    }
    np.testing.assert_array_equal(table.probabilities(), [[0.75, 0.25], [0.125, 0.875]])


def test_texts_are_masked_and_personal_identifiers_hashed_unless_they_are_kept(tmp_path):
    row = {
        "example_ids": ["7/a@b.io"],
        "splits": ["test"],
        "labels": ["a@b.io"],
        "probabilities": np.array([[0.9, 0.1]]),
    }
    rest = {"embeddings": np.zeros((1, 0)), "extra": {"place": pa.array(["a@b.io"])}}
    for kept, expected in (
        ((), [keyed_hash("7/a@b.io"), "<e-mail>", "<e-mail>"]),
        (("example_id", "label", "place"), ["7/a@b.io", "a@b.io", "a@b.io"]),
    ):
        folder, extra = tmp_path / str(len(kept)), {"place": pa.string()}
        with PredictionsWriter(folder, class_names=("cat", "dog"), extra_columns=extra, kept=kept) as writer:
            writer.write(**row, **rest)
        found = PredictionsTable(folder).read(["example_id", "label", "place"]).to_pylist()[0]
        assert [*found.values()] == expected


def write_numbers(path: Path, numbers, labels=(1.5, None)) -> Path:
    with PredictionsWriter(path, class_names=(), extra_columns={}, is_regression=True) as writer:
        writer.write(
            example_ids=["a", "b"],
            splits=["test", "test"],
            labels=list(labels),
            probabilities=np.empty((2, 0)),
            numbers=np.array(numbers),
            embeddings=np.zeros((2, 1)),
            extra={},
        )
    return path


def test_numbers_come_back(tmp_path):
    table = PredictionsTable(write_numbers(tmp_path, [1.25, -3e10]))
    assert (table.is_regression, table.class_names) == (True, ())
    assert table.numbers("predicted").tolist() == [1.25, -3e10]
    np.testing.assert_array_equal(table.numbers("label", splits=["test"]), [1.5, np.nan])
    assert table.numbers("predicted", splits=["train"]).tolist() == []
    assert table.probabilities().shape == (2, 0)


@pytest.mark.parametrize("wrong", [[1.0, float("nan")], [1.0, float("inf")], [1.0]])
def test_numbers_that_are_not_finite_or_missing_are_refused(tmp_path, wrong):
    with pytest.raises(ContractError, match="numbers must be 2 finite ones"):
        write_numbers(tmp_path, wrong)


def test_the_golden_table_of_numbers_loads():
    table = PredictionsTable(GOLDEN.parent / "predictions_table_v2")
    assert table.is_regression
    assert table.numbers("predicted").tolist() == [1.25, 2.5]
    np.testing.assert_array_equal(table.numbers("label"), [1.5, np.nan])


def write_varied(path, mutual_information):
    with PredictionsWriter(path, class_names=("cat", "dog"), extra_columns={}, has_mutual_information=True) as writer:
        writer.write(
            example_ids=["a", "b"],
            splits=["test"] * 2,
            labels=[None, "cat"],
            probabilities=np.full((2, 2), 0.5),
            embeddings=np.zeros((2, 0)),
            extra={},
            mutual_information=mutual_information,
        )
    return path


def test_mutual_information_comes_back(tmp_path):
    table = PredictionsTable(write_varied(tmp_path, np.array([0.0, 0.25])))
    assert table.read([MUTUAL_INFORMATION]).column(0).to_pylist() == [0.0, 0.25]
    assert table.slice_columns == ()


@pytest.mark.parametrize("wrong", [None, np.array([0.1]), np.array([0.1, np.nan])])
def test_mutual_information_that_is_missing_is_refused(tmp_path, wrong):
    with pytest.raises(ContractError, match="mutual_information must be 2 finite numbers"):
        write_varied(tmp_path, wrong)


def test_the_golden_table_of_a_model_with_dropout_loads():
    table = PredictionsTable(GOLDEN.parent / "predictions_table_v3")
    assert table.read([MUTUAL_INFORMATION]).column(0).to_pylist() == [0.0, 0.25]
