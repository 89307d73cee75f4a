"""A report as a sequence of blocks, rendered to one HTML file that needs nothing else."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
import numbers
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from components.shared.runtime.atomic_files import write_text
from components.shared.runtime.redaction import masked_html

Tone = Literal["good", "bad", "warn", "plain"]
Cell = str | float | int | Markup | None

_BODY_BEGIN = "<!-- report body -->"
_BODY_END = "<!-- end of report body -->"


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One image of a gallery.

    Attributes
    ----------
    data
        Encoded bytes, PNG, JPEG or WebP: small ones, since they are embedded.
    caption
        What it shows, one line or two.
    alternative
        Text for readers who do not see images.
    tone
        Colour of the caption's edge.
    """

    data: bytes
    caption: str
    alternative: str
    tone: Tone = "plain"

    @property
    def uri(self) -> str:
        """The image as a data URI."""
        kinds = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
        kind = next((name for magic, name in kinds.items() if self.data.startswith(magic)), "png")
        return f"data:image/{kind};base64,{base64.b64encode(self.data).decode('ascii')}"


class Report:
    """A report with a title and one line under it, built block by block from top to bottom."""

    def __init__(self, title: str, *, subtitle: str = "") -> None:
        self._title = title
        self._subtitle = subtitle
        self._blocks: list[tuple[str, dict[str, object]]] = []

    def verdict(self, passed: bool, reason: str) -> None:
        """A coloured line that says first whether it passed, and why."""
        self._blocks.append(("verdict", {"passed": passed, "reason": reason}))

    def heading(self, text: str) -> None:
        """A second-level heading."""
        self._blocks.append(("heading", {"text": text}))

    def paragraph(self, text: str, *, tone: Tone = "plain") -> None:
        """A paragraph of plain text; `Markup` is taken as HTML."""
        self._blocks.append(("paragraph", {"text": text, "tone": tone}))

    def facts(self, facts: Mapping[str, Cell]) -> None:
        """Named values next to one another: `{"accuracy": 0.981, "examples": 5000}`."""
        self._blocks.append(("facts", {"facts": {name: _shown(value) for name, value in facts.items()}}))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, caption: str = "") -> None:
        """A table; numbers are aligned to the right, and a wide table scrolls inside its own box.

        Raises
        ------
        ValueError
            If a row has another number of cells than there are columns.
        """
        for row in rows:
            if len(row) != len(columns):
                raise ValueError(f"a row must have {len(columns)} cells, one a column, got {len(row)}: {list(row)!r}")
        numeric = [bool(rows) and all(_is_numeric(row[i]) for row in rows) for i in range(len(columns))]
        shown = [[_shown(cell) for cell in row] for row in rows]
        self._blocks.append(("table", {"columns": columns, "rows": shown, "numeric": numeric, "caption": caption}))

    def figure(self, svg: Markup, *, caption: str = "") -> None:
        """A chart from `components.reporting.charts`."""
        self._blocks.append(("figure", {"svg": svg, "caption": caption}))

    def gallery(self, pictures: Sequence[Picture], *, caption: str = "") -> None:
        """Images in a grid that follows the page's width."""
        self._blocks.append(("gallery", {"pictures": pictures, "caption": caption}))

    def details(self, summary: str, body: Markup, *, opened: bool = False) -> None:
        """HTML that unfolds when its summary is clicked."""
        self._blocks.append(("details", {"summary": summary, "body": body, "opened": opened}))

    def code(self, text: str, *, caption: str = "") -> None:
        """Text in a fixed-width box: a log's end, a command."""
        self._blocks.append(("code", {"text": text, "caption": caption}))

    def html(self) -> str:
        """The whole page; words that hold personal data or a URI's secret are masked."""
        template = _environment().get_template("page.html.j2")
        page = template.render(
            title=self._title, subtitle=self._subtitle, blocks=self._blocks, body_begin=_BODY_BEGIN, body_end=_BODY_END
        )
        return masked_html(page)

    def write(self, path: str | Path) -> None:
        """Write the page, complete or not at all."""
        write_text(path, self.html())


def long_text(text: str) -> Markup:
    """A cell's text that may be broken anywhere: a digest, a URI."""
    return Markup('<span class="long">{}</span>').format(text)


def prose(text: str) -> Markup:
    """A cell's text of several sentences: its column is not squeezed to a word a line where the page is narrow."""
    return Markup('<span class="prose">{}</span>').format(text)


def report_body(html: str) -> Markup:
    """The blocks of a page that `Report` wrote, to embed them in another page.

    Raises
    ------
    ValueError
        If `html` is not a page that `Report` wrote.
    """
    _, begin, rest = html.partition(_BODY_BEGIN)
    body, end, _ = rest.partition(_BODY_END)
    if not begin or not end:
        raise ValueError("the HTML must be a page that components.reporting wrote, but its body is not marked")
    return Markup(body)  # noqa: S704 - Report escaped it when it was written


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("components.reporting"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _is_numeric(value: Cell) -> bool:
    return value is None or (isinstance(value, numbers.Real) and not isinstance(value, bool))


def _shown(value: Cell) -> str | Markup:
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    if isinstance(value, numbers.Real):
        return f"{float(value):,.0f}" if abs(value) >= 10000 else f"{float(value):.4g}"
    return value if isinstance(value, Markup) else str(value)
