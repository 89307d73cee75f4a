"""Each modality is read for a cheap model; what is near what is told of sparse rows, too."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from components.active_learning.pseudo_labels.stand_in_reading import dense_rows, JudgedRows, stand_ins_of
from components.shared.contracts.example_table import ExampleTable
from tests.components.active_learning.planted_pools import striped_photos
from tests.components.active_learning.pseudo_labels.planted_tables import examples_table

ROWS = JudgedRows(train=["b", "a"], held_out=[], pool=["q", "p", "r"])


def test_tables_are_read_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    names = ["no", "yes"]
    columns = {"size": pa.array([1.0, 2.0]), "kind": pa.array(["x", "y"])}
    examples_table(tmp_path / "examples", "tabular", names, ["a", "b"], ["train"] * 2, names, columns)
    others = {"size": pa.array([5.0, 6.0, 7.0]), "kind": pa.array(["x", "x", "y"])}
    examples_table(tmp_path / "pool", "tabular", names, ["p", "q", "r"], None, None, others)
    linear, trees = stand_ins_of(
        ExampleTable(tmp_path / "examples"), ExampleTable(tmp_path / "pool"), ROWS, num_classes=2
    )

    assert linear.name == "logistic regression on the columns"
    assert trees.name == "gradient-boosted trees on the columns"
    assert np.argsort(np.concatenate([trees.train, trees.pool])[:, -1]).tolist() == [1, 0, 3, 2, 4]
    assert linear.held_out.shape[0] == 0


def test_texts_are_read_sparse_and_made_dense_for_the_second_view(tmp_path: Path) -> None:
    names = ["no", "yes"]
    texts = {"text": pa.array(["good film", "bad film"])}
    examples_table(tmp_path / "examples", "text", names, ["a", "b"], ["train"] * 2, names, texts)
    others = {"text": pa.array(["good one", "bad film", "so so"])}
    examples_table(tmp_path / "pool", "text", names, ["p", "q", "r"], None, None, others)
    [found] = stand_ins_of(ExampleTable(tmp_path / "examples"), ExampleTable(tmp_path / "pool"), ROWS, num_classes=2)
    dense = dense_rows(found)

    assert dense.shape == (5, 4)
    assert np.allclose(dense[0], dense[2])


def test_photos_are_read_by_frozen_features_scaled_by_the_pool_s(tmp_path: Path) -> None:
    names = ["across", "down"]
    photos, labels = striped_photos(0, 40)
    given = [names[label] for label in labels.tolist()]
    ids = [f"photo-{number}" for number in range(40)]
    first, others = ({"image": pa.array(part, pa.binary())} for part in (photos[:20], photos[20:]))
    examples_table(tmp_path / "examples", "image", names, ids[:20], ["train"] * 20, given[:20], first)
    examples_table(tmp_path / "pool", "image", names, ids[20:], None, None, others)
    rows = JudgedRows(train=ids[:12], held_out=ids[12:20], pool=ids[20:])
    [found] = stand_ins_of(ExampleTable(tmp_path / "examples"), ExampleTable(tmp_path / "pool"), rows, num_classes=2)

    assert found.name == "logistic regression on frozen features of photos"
    assert [part.shape[0] for part in (found.train, found.held_out, found.pool)] == [12, 8, 20]
    np.testing.assert_allclose(found.pool.mean(axis=0), 0.0, atol=1e-4)
    answers = found.fitted(found.train, labels[:12], 2)(found.pool).argmax(axis=1)
    assert (answers == labels[20:]).mean() > 0.8


def test_rows_that_tell_nothing_have_no_stand_in(tmp_path: Path) -> None:
    names = ["no", "yes"]
    same = {"size": pa.array([1.0, 1.0])}
    examples_table(tmp_path / "examples", "tabular", names, ["a", "b"], ["train"] * 2, names, same)
    examples_table(tmp_path / "pool", "tabular", names, ["p", "q", "r"], None, None, {"size": pa.array([1.0] * 3)})

    assert not stand_ins_of(ExampleTable(tmp_path / "examples"), ExampleTable(tmp_path / "pool"), ROWS, num_classes=2)
