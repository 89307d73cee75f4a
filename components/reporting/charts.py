"""Charts as inline SVG with real text: they scale, print, copy and follow the page's colours."""

from collections.abc import Callable, Mapping, Sequence
import math

from markupsafe import escape, Markup

# A phone shows the whole width, so the drawing is narrow and its text stays legible when it shrinks.
_WIDTH, _HEIGHT = 460, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 28, 40
_LEGEND_COLUMNS, _LEGEND_ROW = 2, 18
_NUM_COLOURS = 6
_MAX_CATEGORY_NAMES = 12
_MAX_BAR_WIDTH = 56
_CELL_RANGE = (22, 60)
_MATRIX_WIDTH = 400
_NOTHING = Markup("<p>Nothing was measured.</p>")

Place = Callable[[float], float]


def line_chart(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x_label: str,
    y_label: str,
    y_range: tuple[float, float] | None = None,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> Markup:
    """Lines over a common pair of axes, as an `<svg>` element.

    Parameters
    ----------
    series
        For each name the x and the y values; points that are not finite leave a gap.
    x_label, y_label
        What the axes show, with units.
    y_range
        Ends of the y axis; by default those of the data.
    bands
        For some of the names the lower and the upper ends of an interval at each x: a shade behind the line.

    Raises
    ------
    ValueError
        If a series has x and y, or ends of an interval, of different lengths.
    """
    for name, (xs, ys) in series.items():
        if len(xs) != len(ys):
            raise ValueError(f"series {name!r} must have as many x as y values, got {len(xs)} and {len(ys)}")
    edges = [(series[name][0], ends) for name, pair in (bands or {}).items() for ends in pair]
    everything = [*series.values(), *edges]
    points = [(x, y) for xs, ys in everything for x, y in zip(xs, ys, strict=True) if _finite(x, y)]
    if not points:
        return _NOTHING
    x_ticks = _ticks(min(x for x, _ in points), max(x for x, _ in points))
    low, high = y_range or (min(y for _, y in points), max(y for _, y in points))
    y_ticks = _ticks(low, high)
    x_at = _scale(x_ticks[0], x_ticks[-1], _LEFT, _WIDTH - _RIGHT)
    y_at = _scale(y_ticks[0], y_ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = [*_grid(y_ticks, y_at, y_label), *_x_axis(x_ticks, x_at, x_label)]
    for number, (name, (xs, _)) in enumerate(series.items()):
        if bands and name in bands:
            parts.append(_band(xs, *bands[name], x_at, y_at, colour=_colour(number)))
    for number, (xs, ys) in enumerate(series.values()):
        parts += _line(_runs(xs, ys), x_at, y_at, colour=_colour(number))
    return _svg(
        [*parts, *_legend(list(series), top=_HEIGHT)], height=_height(series), label=f"{y_label} over {x_label}"
    )


def bar_chart(values: Mapping[str, Mapping[str, float]], *, y_label: str) -> Markup:
    """Grouped bars as an `<svg>` element: for each category (x) one bar a series.

    Parameters
    ----------
    values
        `{category: {series: value}}`; values of 0 or more, those that are not finite leave a gap.
    y_label
        What the bars show, with unit.
    """
    names = list(dict.fromkeys(name for group in values.values() for name in group))
    heights = [value for group in values.values() for value in group.values() if math.isfinite(value)]
    if not heights:
        return _NOTHING
    y_ticks = _ticks(0.0, max(heights))
    y_at = _scale(y_ticks[0], y_ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = _grid(y_ticks, y_at, y_label)
    slot = (_WIDTH - _LEFT - _RIGHT) / len(values)
    for place, (category, group) in enumerate(values.items()):
        left = _LEFT + slot * place
        parts += _bars(category, [group.get(name, math.nan) for name in names], names, left, slot, y_at)
    category_names, depth = _category_names(list(values), slot)
    parts += [*category_names, *_legend(names, top=_HEIGHT - _BOTTOM + depth)]
    return _svg(parts, height=_height(names) - _BOTTOM + depth, label=y_label)


def heatmap(
    matrix: Sequence[Sequence[float]], *, rows: Sequence[str], columns: Sequence[str], row_label: str, column_label: str
) -> Markup:
    """A matrix (R, C) of counts, 0 or more, as an `<svg>` element, darker where larger: a confusion matrix.

    Parameters
    ----------
    rows, columns
        R and C names.
    row_label, column_label
        What rows and columns are.

    Raises
    ------
    ValueError
        If the matrix has other than R rows of C values.
    """
    if len(matrix) != len(rows) or any(len(row) != len(columns) for row in matrix):
        raise ValueError(f"the matrix must have {len(rows)} rows of {len(columns)} values, as there are names")
    if not rows or not columns:
        return _NOTHING
    cell = max(_CELL_RANGE[0], min(_CELL_RANGE[1], _MATRIX_WIDTH // len(columns)))
    slanted = cell < 7 * max(map(len, columns)) + 4
    left, top = 16 + 7 * min(max(map(len, rows)), 16), 92 if slanted else 48
    largest = max((value for row in matrix for value in row if math.isfinite(value)), default=0) or 1
    parts = [_text(f"{row_label} ↓   {column_label} →", 4, 14, css="soft")]
    parts += [_column_name(name, left + cell * (j + 0.5), top - 8, slanted) for j, name in enumerate(columns)]
    for i, row in enumerate(matrix):
        y = top + cell * i
        parts.append(_text(_short(rows[i], 16), left - 8, y + cell / 2 + 4, anchor="end"))
        for j, value in enumerate(row):
            parts += _cell(value, value / largest, left + cell * j, y, cell, f"{rows[i]} as {columns[j]}")
    width = max(left + cell * len(columns) + (60 if slanted else 8), 7 * len(row_label + column_label) + 60)
    return _svg(parts, width=width, height=top + cell * len(rows) + 8, label=f"{row_label} against {column_label}")


def _finite(*values: float) -> bool:
    return all(math.isfinite(value) for value in values)


def _colour(number: int) -> str:
    return f"var(--c{number % _NUM_COLOURS})"


def _runs(xs: Sequence[float], ys: Sequence[float]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if _finite(x, y):
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _ticks(low: float, high: float) -> list[float]:
    if high <= low:
        spread = abs(low) * 0.1 or 1.0
        low, high = low - spread, high + spread
    raw = (high - low) / 5
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def _tick_name(tick: float) -> str:
    """A tick in few characters: 40k and 2.5M rather than 4e+04 and 2.5e+06."""
    for least, size, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if least <= abs(tick) < 1e12:
            return f"{tick / size:.4g}{letter}"
    return f"{tick:.4g}"


def _scale(low: float, high: float, start: float, stop: float) -> Place:
    return lambda value: start + (value - low) / (high - low) * (stop - start)


def _grid(y_ticks: Sequence[float], y_at: Place, y_label: str) -> list[str]:
    parts = [_text(y_label, 4, 12, css="soft")]
    for tick in y_ticks:
        y = y_at(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(_tick_name(tick), _LEFT - 6, y + 4, anchor="end", css="soft"))
    return parts


def _x_axis(x_ticks: Sequence[float], x_at: Place, x_label: str) -> list[str]:
    bottom = _HEIGHT - _BOTTOM
    parts = [_text(_tick_name(tick), x_at(tick), bottom + 16, anchor="middle", css="soft") for tick in x_ticks]
    return [*parts, _text(x_label, (_LEFT + _WIDTH - _RIGHT) / 2, bottom + 34, anchor="middle", css="soft")]


def _line(runs: Sequence[Sequence[tuple[float, float]]], x_at: Place, y_at: Place, *, colour: str) -> list[str]:
    parts = []
    for run in runs:
        path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in run)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(run) == 1:
            parts.append(f'<circle cx="{x_at(run[0][0]):.1f}" cy="{y_at(run[0][1]):.1f}" r="3" fill="{colour}"/>')
    return parts


def _band(
    xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], x_at: Place, y_at: Place, *, colour: str
) -> str:
    """A shade between two ends; where one is not finite there is none."""
    known = [each for each in zip(xs, lows, highs, strict=True) if _finite(*each)]
    outline = [(x, low) for x, low, _ in known] + [(x, high) for x, _, high in reversed(known)]
    path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in outline)
    return f'<polygon points="{path}" fill="{colour}" fill-opacity="0.18"/>'


def _bars(
    category: str, values: Sequence[float], names: Sequence[str], left: float, slot: float, y_at: Place
) -> list[str]:
    width = min(slot * 0.8 / len(names), _MAX_BAR_WIDTH)
    start = left + (slot - width * len(names)) / 2
    parts = []
    for number, value in enumerate(values):
        if math.isfinite(value):
            x, y = start + number * width, y_at(value)
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width - 1, 0.5):.1f}" height="{y_at(0.0) - y:.1f}" '
                f'fill="{_colour(number)}">{_tooltip(f"{category} {names[number]}: {value:.4g}")}</rect>'
            )
    return parts


def _category_names(categories: Sequence[str], slot: float) -> tuple[list[str], int]:
    """Names under bars, and how deep they reach: slanted where they would not fit side by side."""
    y = _HEIGHT - _BOTTOM + 16
    every = math.ceil(len(categories) / _MAX_CATEGORY_NAMES)
    places = [(name, _LEFT + slot * (place + 0.5)) for place, name in enumerate(categories) if place % every == 0]
    if max(map(len, categories)) * 7 < slot * every:
        return [_text(name, x, y, anchor="middle") for name, x in places], 26
    return [_slanted(_short(name, 12), x, y - 4, angle=-45, anchor="end") for name, x in places], 72


def _column_name(name: str, x: float, y: float, slanted: bool) -> str:
    return _slanted(_short(name, 12), x, y, angle=-45) if slanted else _text(name, x, y, anchor="middle")


def _slanted(text: str, x: float, y: float, *, angle: int, anchor: str = "start") -> str:
    return f'<g transform="translate({x:.1f} {y:.1f}) rotate({angle})">{_text(text, 0, 0, anchor=anchor)}</g>'


def _cell(value: float, share: float, x: float, y: float, cell: float, name: str) -> list[str]:
    opacity = 0.06 + 0.94 * share if math.isfinite(share) else 0.0
    square = (
        f'<rect x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" fill="var(--c0)" fill-opacity="{opacity:.3f}">'
        f"{_tooltip(f'{name}: {value:g}')}</rect>"
    )
    if not value or not math.isfinite(value):
        return [square]
    css = "on-fill" if opacity > 0.55 else ""
    size = min(12.0, 1.5 * cell / len(f"{value:g}"))
    return [square, _text(f"{value:g}", x + (cell - 1) / 2, y + cell / 2 + 4, anchor="middle", css=css, size=size)]


def _legend(names: Sequence[str], *, top: float) -> list[str]:
    parts = []
    for number, name in enumerate(names):
        x = _LEFT + (_WIDTH - _LEFT) / _LEGEND_COLUMNS * (number % _LEGEND_COLUMNS)
        y = top + 12 + _LEGEND_ROW * (number // _LEGEND_COLUMNS)
        parts.append(f'<rect x="{x}" y="{y - 10}" width="11" height="11" rx="2" fill="{_colour(number)}"/>')
        parts.append(_text(_short(name, 25), x + 16, y))
    return parts


def _height(names: Sequence[str] | Mapping[str, object]) -> int:
    return _HEIGHT + 6 + _LEGEND_ROW * math.ceil(len(names) / _LEGEND_COLUMNS)


def _short(text: str, length: int) -> str:
    """At most `length` characters: the middle is left out, since names often differ at their ends."""
    if len(text) <= length:
        return text
    end = (length - 1) // 3
    return text[: length - 1 - end] + "…" + text[len(text) - end :]


def _text(text: str, x: float, y: float, *, anchor: str = "", css: str = "", size: float = 12.0) -> str:
    attributes = [f'x="{x:.1f}" y="{y:.1f}"']
    attributes += [f'text-anchor="{anchor}"'] if anchor else []
    attributes += [f'class="{css}"'] if css else []
    attributes += [f'style="font-size:{size:.1f}px"'] if size < 12.0 else []
    return f"<text {' '.join(attributes)}>{escape(text)}</text>"


def _tooltip(text: str) -> str:
    return f"<title>{escape(text)}</title>"


def _svg(parts: Sequence[str], *, height: float, label: str, width: float = _WIDTH) -> Markup:
    frame = f'viewBox="0 0 {width} {height}" style="max-width:{width * 1.2:.0f}px"'
    return Markup(  # noqa: S704 - every text in the parts was escaped
        f'<svg {frame} role="img" aria-label="{escape(label)}" xmlns="http://www.w3.org/2000/svg">'
        + "".join(parts)
        + "</svg>"
    )
