import pyarrow as pa
import pytest

from components.model_analysis.scoring.unusable_rows import first_unusable


def _only_positive(columns):
    for value in columns["x"].to_pylist():
        if value <= 0:
            raise ValueError(f"x must be above 0, got {value}")


@pytest.mark.parametrize("bad", [[0], [6], [3, 5], [2, 3, 6], [0, 1, 2, 3, 4, 5, 6]])
def test_the_first_of_the_refused_rows_is_found_with_its_own_reason(bad) -> None:
    values = [-row if row in bad else row + 1 for row in range(7)]
    row, reason = first_unusable({"x": pa.array(values)}, _only_positive)
    assert row == bad[0]
    assert str(reason) == f"x must be above 0, got {-bad[0]}"


def test_rows_that_are_refused_only_together_are_nobodys_fault() -> None:
    def at_most_two(columns):
        if len(columns["x"]) > 2:
            raise ValueError("too many rows")

    assert first_unusable({"x": pa.array([1, 2, 3, 4])}, at_most_two) is None
