"""The page at `/` for people: what the server serves, one example to try, how a program asks it.

Self-contained: nothing is fetched from anywhere else.
"""

from collections.abc import Sequence
import html
import json
from pathlib import Path
from string import Template
from typing import Any

_TEMPLATE = Path(__file__).with_name("start_page.html")
_CARD = "model_card.md"
_NO_CARD = "This bundle has no model card: `pluszero run` and `publish` write one."
# 8 x 8 pixels; a photo of one's own comes in its place: "$(base64 < photo.jpg | tr -d '\n')".
_GREY_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAAEElEQVR42mNsYIAAJgaKGAAmCACQtTEKkQAAAABJRU5ErkJggg=="
_WHAT = {"image": "A model of photos", "text": "A model of texts", "tabular": "A model of rows of a table"}


def example_instance(modality: str, input_types: Sequence[dict[str, Any]]) -> Any:
    """A V1 instance to begin with: of photos a small grey picture."""
    if modality == "image":
        return {"b64": _GREY_PNG}
    if modality == "text":
        return "a text"
    return {str(given["name"]): "" if given["datatype"] == "BYTES" else 0 for given in input_types}


def example_curl(url: str, model_name: str, modality: str, input_types: Sequence[dict[str, Any]]) -> str:
    """A command that asks the server at `url` about one example, as a shell takes it; it needs no file."""
    target = f"{url}/v1/models/{model_name}:predict"
    body = json.dumps({"instances": [example_instance(modality, input_types)]}, ensure_ascii=False)
    return f"curl {target} -d '{body.replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}'"


def start_page(
    *,
    model_name: str,
    version: str,
    modality: str,
    input_types: Sequence[dict[str, Any]],
    model_dir: str | Path,
    url: str,
) -> bytes:
    """The page of one model, HTML in UTF-8; its card is `model_card.md` of the bundle, shown as it stands."""
    card = Path(model_dir) / _CARD
    if modality == "image":
        field = '<input type="file" name="file" accept="image/*" aria-label="photo">'
    else:
        example = example_instance(modality, input_types)
        text = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
        field = f'<textarea name="text" rows="{min(text.count(chr(10)) + 2, 16)}" aria-label="example">'
        field += f"{html.escape(text)}</textarea>"
    page = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=html.escape(model_name),
        version=html.escape(version),
        what=_WHAT[modality],
        field=field,
        hint="The answer stands here.",
        is_text=json.dumps(modality == "text"),
        curl=html.escape(example_curl(url, model_name, modality, input_types)),
        card=html.escape(card.read_text(encoding="utf-8") if card.is_file() else _NO_CARD),
    )
    return page.encode()
