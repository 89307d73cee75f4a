"""Charts as inline SVG with real text: they scale, print, copy and follow the page's colours."""

from collections.abc import Mapping, Sequence
import math

from markupsafe import escape, Markup

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 14, 58
_NUM_COLOURS = 6


def line_chart(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x_label: str,
    y_label: str,
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Lines over a common pair of axes.

    Parameters
    ----------
    series
        For each name the x and the y values; points that are not finite leave a gap.
    x_label, y_label
        What the axes show, with units.
    y_range
        Ends of the y axis; by default those of the data.

    Returns
    -------
    Markup
        An `<svg>` element.

    Raises
    ------
    ValueError
        If a series has x and y of different lengths.
    """
    for name, (xs, ys) in series.items():
        if len(xs) != len(ys):
            raise ValueError(f"series {name!r} must have as many x as y values, got {len(xs)} and {len(ys)}")
    points = [(x, y) for xs, ys in series.values() for x, y in zip(xs, ys, strict=True) if _finite(x, y)]
    if not points:
        return Markup("<p>Nothing was measured.</p>")
    x_ticks = _ticks(min(x for x, _ in points), max(x for x, _ in points))
    low, high = y_range or (min(y for _, y in points), max(y for _, y in points))
    y_ticks = _ticks(low, high)
    x_at = _scale(x_ticks[0], x_ticks[-1], _LEFT, _WIDTH - _RIGHT)
    y_at = _scale(y_ticks[0], y_ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = _axes(x_ticks, y_ticks, x_at, y_at, x_label, y_label)
    for number, (name, (xs, ys)) in enumerate(series.items()):
        colour = f"var(--c{number % _NUM_COLOURS})"
        for run in _runs(xs, ys):
            path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in run)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            if len(run) == 1:
                parts.append(f'<circle cx="{x_at(run[0][0]):.1f}" cy="{y_at(run[0][1]):.1f}" r="3" fill="{colour}"/>')
        parts.append(_legend(number, name, colour))
    height = _HEIGHT + 18 * ((len(series) + 2) // 3)
    return _svg(parts, height=height, label=f"{y_label} over {x_label}")


def bar_chart(values: Mapping[str, Mapping[str, float]], *, y_label: str) -> Markup:
    """Grouped bars: for each category (x) one bar a series.

    Parameters
    ----------
    values
        `{category: {series: value}}`; values of 0 or more.
    y_label
        What the bars show, with unit.

    Returns
    -------
    Markup
        An `<svg>` element.
    """
    names = list(dict.fromkeys(name for group in values.values() for name in group))
    heights = [value for group in values.values() for value in group.values() if math.isfinite(value)]
    if not heights:
        return Markup("<p>Nothing was measured.</p>")
    y_ticks = _ticks(0.0, max(heights))
    y_at = _scale(y_ticks[0], y_ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = _grid(y_ticks, y_at)
    parts.append(f'<text class="soft" x="{_LEFT}" y="10">{escape(y_label)}</text>')
    slot = (_WIDTH - _LEFT - _RIGHT) / len(values)
    width = slot * 0.8 / len(names)
    shown_every = math.ceil(len(values) / 14)
    for place, (category, group) in enumerate(values.items()):
        left = _LEFT + slot * (place + 0.1)
        for number, name in enumerate(names):
            value = group.get(name, math.nan)
            if math.isfinite(value):
                colour = f"var(--c{number % _NUM_COLOURS})"
                top = y_at(value)
                parts.append(
                    f'<rect x="{left + number * width:.1f}" y="{top:.1f}" width="{max(width - 1, 0.5):.1f}" '
                    f'height="{_HEIGHT - _BOTTOM - top:.1f}" fill="{colour}">'
                    f"<title>{escape(category)} {escape(name)}: {value:.4g}</title></rect>"
                )
        if place % shown_every == 0:
            text = category if len(category) <= 12 else category[:11] + "…"
            parts.append(
                f'<text x="{left + slot * 0.4:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{escape(text)}</text>'
            )
    parts += [_legend(number, name, f"var(--c{number % _NUM_COLOURS})") for number, name in enumerate(names)]
    height = _HEIGHT + 18 * ((len(names) + 2) // 3)
    return _svg(parts, height=height, label=y_label)


def heatmap(
    matrix: Sequence[Sequence[float]], *, rows: Sequence[str], columns: Sequence[str], row_label: str, column_label: str
) -> Markup:
    """A matrix of counts, darker where larger: a confusion matrix.

    Parameters
    ----------
    matrix
        Shape (R, C), 0 or more.
    rows, columns
        R and C names.
    row_label, column_label
        What rows and columns are.

    Returns
    -------
    Markup
        An `<svg>` element.
    """
    cell = max(22, min(64, 420 // max(len(columns), 1)))
    left, top = 120, 64
    largest = max((max(row, default=0) for row in matrix), default=0) or 1
    parts = [
        f'<text class="soft" x="{left}" y="14">{escape(column_label)} →</text>',
        f'<text class="soft" x="4" y="{top - 8}">{escape(row_label)} ↓</text>',
    ]
    for number, name in enumerate(columns):
        x = left + cell * (number + 0.5)
        parts.append(f'<text x="{x:.1f}" y="{top - 8}" text-anchor="middle">{escape(_short(name, cell // 7))}</text>')
    for i, row in enumerate(matrix):
        y = top + cell * i
        parts.append(
            f'<text x="{left - 8}" y="{y + cell / 2 + 4:.1f}" text-anchor="end">{escape(_short(rows[i], 15))}</text>'
        )
        for j, value in enumerate(row):
            share = value / largest
            x = left + cell * j
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" fill="var(--c0)" fill-opacity="{0.06 + 0.94 * share:.3f}">'
                f"<title>{escape(rows[i])} as {escape(columns[j])}: {value:g}</title></rect>"
            )
            fill = ' style="fill:#fff"' if share > 0.55 else ""
            if value:
                parts.append(
                    f'<text x="{x + cell / 2:.1f}" y="{y + cell / 2 + 4:.1f}" text-anchor="middle"{fill}>{value:g}</text>'
                )
    width, height = left + cell * len(columns) + 8, top + cell * len(rows) + 8
    return _svg(parts, width=max(width, 280), height=height, label=f"{row_label} against {column_label}")


def _finite(*values: float) -> bool:
    return all(math.isfinite(value) for value in values)


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


def _scale(low: float, high: float, start: float, stop: float):  # noqa: ANN202 - a closure over four numbers
    return lambda value: start + (value - low) / (high - low) * (stop - start)


def _grid(y_ticks: Sequence[float], y_at) -> list[str]:  # noqa: ANN001
    parts = []
    for tick in y_ticks:
        y = y_at(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="soft" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    return parts


def _axes(x_ticks, y_ticks, x_at, y_at, x_label: str, y_label: str) -> list[str]:  # noqa: ANN001
    parts = _grid(y_ticks, y_at)
    for tick in x_ticks:
        parts.append(
            f'<text class="soft" x="{x_at(tick):.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:.4g}</text>'
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text class="soft" x="{middle}" y="{_HEIGHT - _BOTTOM + 34}" text-anchor="middle">{escape(x_label)}</text>'
    )
    parts.append(f'<text class="soft" x="{_LEFT}" y="10">{escape(y_label)}</text>')
    return parts


def _legend(number: int, name: str, colour: str) -> str:
    x, y = _LEFT + 165 * (number % 3), _HEIGHT - 6 + 18 * (number // 3)
    return f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/><text x="{x + 15}" y="{y}">{escape(_short(name, 22))}</text>'


def _short(text: str, length: int) -> str:
    return text if len(text) <= max(length, 2) else text[: max(length, 2) - 1] + "…"


def _svg(parts: Sequence[str], *, height: float, label: str, width: float = _WIDTH) -> Markup:
    return Markup(  # noqa: S704 - every text in the parts was escaped
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}" xmlns="http://www.w3.org/2000/svg">'
        + "".join(parts)
        + "</svg>"
    )
