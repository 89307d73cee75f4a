import pyarrow as pa
import pytest

from components.model_analysis.metrics.column_influence import column_influence
from components.modeling.predictor import load_predictor
from tests.components.model_analysis.small_models import trips


@pytest.fixture
def predictor(trip_model_dir):
    return load_predictor(trip_model_dir, device="cpu")


def test_columns_that_tell_move_the_answers_and_others_do_not(predictor) -> None:
    influence = column_influence(trips(["true", "false"] * 50, 3), predictor)
    assert set(influence) == {"miles", "hour", "paid"}
    assert list(influence)[-1] == "hour"
    assert list(influence.values()) == sorted(influence.values(), reverse=True)
    assert influence["miles"] > 3 * influence["hour"]


def test_a_column_of_one_value_has_no_influence(predictor) -> None:
    columns = {**trips(["true", "false"] * 20, 3), "paid": pa.array(["card"] * 40)}
    assert column_influence(columns, predictor)["paid"] == 0.0


def test_the_same_seed_gives_the_same_influence(predictor) -> None:
    columns = trips(["true", "false"] * 20, 3)
    assert column_influence(columns, predictor, seed=1) == column_influence(columns, predictor, seed=1)


def test_no_example_is_no_influence(predictor) -> None:
    empty = {name: column.slice(0, 0) for name, column in trips(["true"]).items()}
    assert column_influence(empty, predictor) == {}
