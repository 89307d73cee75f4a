import numpy as np
import pyarrow as pa

from components.model_analysis.champion.paired_answers import paired_answers
from components.model_analysis.traits.image_traits import IMAGE_TRAITS
from components.model_analysis.traits.pinned_masks import pinned_masks
from components.model_analysis.traits.text_traits import TEXT_TRAITS
from components.shared.contracts.pinned_slices import MEASURED_TRAITS, PinnedSlice
from components.shared.contracts.predictions_table import PredictionsTable, PredictionsWriter
from tests.components.model_analysis.traits.test_example_traits import written


def pinned(*conditions: str) -> tuple[PinnedSlice, ...]:
    return tuple(PinnedSlice(name=where, where=where) for where in conditions)


def test_conditions_over_columns_hold_where_nothing_decisive_is_missing(tmp_path):
    columns = {"miles": pa.array([1.0, 5.0, None, 9.0]), "paid": pa.array(["card", "cash", "card", "card"])}
    asked = pinned("miles > 2 and paid == 'card'", "paid == 'cash' or miles < 2")
    examples = written(
        tmp_path, "tabular", columns, {"miles": "feature", "paid": "metadata"}, pinned_slices=asked
    )  # fmt: skip
    found = pinned_masks(examples, ["e3", "e2", "e1", "e0"])
    assert found[asked[0].name].tolist() == [True, False, False, False]
    assert found[asked[1].name].tolist() == [False, False, True, True]


def test_conditions_over_traits_are_measured(tmp_path, photo):
    columns = {"image": pa.array([photo("cat"), photo("dog")], pa.binary())}
    examples = written(tmp_path, "image", columns, {}, pinned_slices=pinned("brightness < 0.5 and off_centre < 1"))
    [mask] = pinned_masks(examples, ["e0", "e1"]).values()
    assert mask.tolist() == [False, True]


def test_the_gate_compares_on_pinned_slices(tmp_path):
    columns = {"miles": pa.array(np.arange(6.0))}
    asked = pinned("miles >= 4")
    examples = written(tmp_path / "examples", "tabular", columns, {"miles": "feature"}, pinned_slices=asked)
    ids = [f"e{number}" for number in range(6)]
    with PredictionsWriter(tmp_path / "predictions", class_names=("a", "b"), extra_columns={}) as writer:
        writer.write(
            example_ids=ids, splits=["test"] * 6, labels=["a", "b"] * 3, probabilities=np.eye(2)[[0, 1] * 3],
            embeddings=np.zeros((6, 0)), extra={},
        )  # fmt: skip
    table = PredictionsTable(tmp_path / "predictions")
    slices = paired_answers(examples, table, table, None, None).slices
    assert slices["miles >= 4"].tolist() == [False] * 4 + [True] * 2


def test_the_traits_that_can_be_pinned_are_those_that_are_measured():
    assert MEASURED_TRAITS["image"] == tuple(IMAGE_TRAITS)
    assert MEASURED_TRAITS["text"] == tuple(TEXT_TRAITS)
