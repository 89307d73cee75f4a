import math
import re
from xml.etree import ElementTree

from markupsafe import Markup
import pytest

from components.reporting.charts import bar_chart, heatmap, line_chart

SVG = "{http://www.w3.org/2000/svg}"


def _root(chart: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(str(chart))


def _points(chart: Markup) -> list[list[tuple[float, float]]]:
    lines = [line.get("points", "") for line in _root(chart).iter(f"{SVG}polyline")]
    return [[tuple(map(float, point.split(","))) for point in line.split()] for line in lines]


def _texts(chart: Markup) -> list[str]:
    return [text.text or "" for text in _root(chart).iter(f"{SVG}text")]


def test_a_line_rises_where_its_values_rise() -> None:
    ((first, second),) = _points(line_chart({"loss": ([0, 1], [0.0, 1.0])}, x_label="epoch", y_label="loss"))
    assert first[0] < second[0]
    assert first[1] > second[1]


def test_axes_and_series_are_named() -> None:
    chart = line_chart({"train": ([0, 1], [1, 2]), "test": ([0, 1], [2, 1])}, x_label="epoch", y_label="loss")
    assert {"epoch", "loss", "train", "test"} <= set(_texts(chart))


def test_a_value_that_is_not_finite_leaves_a_gap() -> None:
    chart = line_chart({"loss": ([0, 1, 2, 3, 4], [1, 2, math.nan, 2, 1])}, x_label="x", y_label="y")
    assert [len(run) for run in _points(chart)] == [2, 2]
    assert "nan" not in chart


def test_a_single_point_is_a_dot() -> None:
    chart = line_chart({"loss": ([3], [0.5])}, x_label="x", y_label="y")
    assert len(list(_root(chart).iter(f"{SVG}circle"))) == 1


def test_a_constant_line_can_be_drawn() -> None:
    ((first, second),) = _points(line_chart({"loss": ([0, 1], [5.0, 5.0])}, x_label="x", y_label="y"))
    assert first[1] == second[1]


@pytest.mark.parametrize("series", [{}, {"loss": ([], [])}, {"loss": ([1, 2], [math.nan, math.inf])}])
def test_a_line_chart_of_nothing_says_so(series) -> None:
    assert "Nothing was measured" in line_chart(series, x_label="x", y_label="y")


def test_x_and_y_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="as many x as y values, got 2 and 1"):
        line_chart({"loss": ([1, 2], [1])}, x_label="x", y_label="y")


def test_a_band_lies_behind_its_line_and_within_the_axes() -> None:
    chart = line_chart(
        {"a": ([0, 1], [1.0, 2.0])}, x_label="x", y_label="y", bands={"a": ([0.0, math.nan], [4.0, 4.0])}
    )
    assert chart.index("<polygon") < chart.index("<polyline")
    assert ">4</text>" in chart  # the axis reaches the band's ends
    assert "nan" not in chart


def test_a_given_range_is_kept() -> None:
    chart = line_chart({"rate": ([0, 1], [0.4, 0.5])}, x_label="x", y_label="y", y_range=(0.0, 1.0))
    assert {"0", "1"} <= set(_texts(chart))


def test_bars_are_as_high_as_their_values() -> None:
    chart = bar_chart({"cat": {"n": 10.0}, "dog": {"n": 5.0}}, y_label="examples")
    heights = [float(bar.get("height", "")) for bar in _root(chart).iter(f"{SVG}rect") if bar.get("rx") is None]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)


def test_a_bar_without_a_finite_value_is_left_out() -> None:
    chart = bar_chart({"cat": {"a": 1.0, "b": math.nan}, "dog": {"a": 2.0}}, y_label="examples")
    assert len([bar for bar in _root(chart).iter(f"{SVG}rect") if bar.get("rx") is None]) == 2


def test_bars_that_are_all_zero_can_be_drawn() -> None:
    heights = [bar.get("height") for bar in _root(bar_chart({"cat": {"n": 0.0}}, y_label="n")).iter(f"{SVG}rect")]
    assert heights[0] == "0.0"


def test_bars_of_nothing_say_so() -> None:
    assert "Nothing was measured" in bar_chart({}, y_label="n")
    assert "Nothing was measured" in bar_chart({"cat": {"n": math.nan}}, y_label="n")


def test_many_long_names_stay_within_the_drawing() -> None:
    values = {f"a very long category name {number}": {"n": float(number)} for number in range(40)}
    named = [text for text in _texts(bar_chart(values, y_label="n")) if "…" in text]
    assert 0 < len(named) <= 12
    assert all(len(text) <= 12 for text in named)


def test_every_cell_of_a_heatmap_says_what_it_counts() -> None:
    chart = heatmap([[5, 1], [0, 7]], rows=["a", "b"], columns=["a", "b"], row_label="label", column_label="predicted")
    titles = [title.text for title in _root(chart).iter(f"{SVG}title")]
    assert titles == ["a as a: 5", "a as b: 1", "b as a: 0", "b as b: 7"]


def test_larger_counts_are_darker() -> None:
    chart = heatmap([[10, 1]], rows=["a"], columns=["a", "b"], row_label="label", column_label="predicted")
    large, small = (float(cell.get("fill-opacity", "")) for cell in _root(chart).iter(f"{SVG}rect"))
    assert large == 1.0
    assert small < 0.3


def test_a_heatmap_of_zeros_or_nan_can_be_drawn() -> None:
    chart = heatmap([[0, math.nan]], rows=["a"], columns=["a", "b"], row_label="label", column_label="predicted")
    assert [cell.get("fill-opacity") for cell in _root(chart).iter(f"{SVG}rect")] == ["0.060", "0.000"]


def test_a_heatmap_of_nothing_says_so() -> None:
    assert "Nothing was measured" in heatmap([], rows=[], columns=[], row_label="label", column_label="predicted")


@pytest.mark.parametrize("matrix", [[[1, 2]], [[1], [2]], []])
def test_a_matrix_that_does_not_fit_its_names_is_refused(matrix) -> None:
    with pytest.raises(ValueError, match="2 rows of 2 values"):
        heatmap(matrix, rows=["a", "b"], columns=["a", "b"], row_label="label", column_label="predicted")


@pytest.mark.parametrize(
    ("chart", "label"),
    [
        (line_chart({"a": ([0, 1], [0, 1])}, x_label="epoch", y_label="loss"), "loss over epoch"),
        (bar_chart({"a": {"n": 1.0}}, y_label="examples"), "examples"),
        (
            heatmap([[1]], rows=["a"], columns=["a"], row_label="label", column_label="predicted"),
            "label against predicted",
        ),
    ],
)
def test_charts_tell_a_screen_reader_what_they_are(chart: Markup, label: str) -> None:
    assert _root(chart).get("role") == "img"
    assert _root(chart).get("aria-label") == label


@pytest.mark.parametrize(
    "chart",
    [
        line_chart({'<b>"&': ([0, 1], [0, 1])}, x_label='<b>"&', y_label='<b>"&'),
        bar_chart({'<b>"&': {'<b>"&': 1.0}}, y_label='<b>"&'),
        heatmap([[1]], rows=['<b>"&'], columns=['<b>"&'], row_label='<b>"&', column_label='<b>"&'),
    ],
)
def test_hostile_names_are_escaped(chart: Markup) -> None:
    assert "<b>" not in chart
    assert any('<b>"&' in text for text in _texts(chart))
    assert '<b>"&' in (_root(chart).get("aria-label") or "")


def test_colours_come_from_the_page() -> None:
    series = {str(number): ([0, 1], [number, number]) for number in range(8)}
    colours = re.findall(r'stroke="([^"]+)"', line_chart(series, x_label="x", y_label="y"))
    assert len(colours) == 8
    assert all(colour.startswith("var(--c") for colour in colours)


def test_large_ticks_are_short():
    svg = line_chart({"a": ([0, 40_000], [0, 2_500_000])}, x_label="rows", y_label="bytes")
    assert ">40k<" in svg
    assert ">1M<" in svg
    assert "e+0" not in svg
