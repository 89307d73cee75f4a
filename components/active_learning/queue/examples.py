"""The examples that people are asked about: what each shows, and the check that ties a filled-in row to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import re

from components.active_learning.label_requests import LabelRequest
from components.shared.contracts.example_table import ExampleTable, Modality
from components.shared.contracts.shown_examples import images_of, rows_of, shown_values
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_bytes

CHECK = re.compile(r"c[0-9a-f]{16}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")
_ENDINGS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"RIFF": "webp", b"GIF8": "gif"}


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueExample:
    """One example that people are asked about.

    Attributes
    ----------
    request
        What is asked, and why.
    check
        A short fingerprint of the identifier and the content: it shows whether cells of a sheet changed places.
    values
        What may be shown, by column; the text of texts among them.
    image
        Encoded bytes; None where it is no photo, or the photos were not asked for.
    """

    request: LabelRequest
    check: str
    values: Mapping[str, object] = field(default_factory=dict)
    image: bytes | None = None

    @property
    def image_name(self) -> str:
        """File name of the photo: its identifier where that can be a file's name, else its check."""
        name = self.request.example_id
        stem = name if _FILE_NAME.fullmatch(name) else self.check
        return f"{stem}.{image_ending(self.image or b'')}"


def image_ending(data: bytes) -> str:
    """Ending of a photo's file name, by its first bytes."""
    return next((ending for magic, ending in _ENDINGS.items() if data.startswith(magic)), "png")


def queue_examples(
    requests: Sequence[LabelRequest], tables: Sequence[ExampleTable], *, with_images: bool = False
) -> list[QueueExample]:
    """The examples of some requests, in their order.

    Parameters
    ----------
    tables
        Where they are looked for: in the first that has them.

    Raises
    ------
    ContractError
        If a request is of no example of the tables.
    """
    found: dict[str, QueueExample] = {}
    for table in tables:
        lacking = [request for request in requests if request.example_id not in found]
        if lacking:
            found |= _among(lacking, table, with_images=with_images and table.info.modality == "image")
    absent = [request.example_id for request in requests if request.example_id not in found]
    if absent:
        where = " or ".join(str(table.path) for table in tables)
        raise ContractError(
            f"label requests must be of examples of {where}, but {len(absent)} are not, {absent[0]!r} first: give the "
            "pool that they were chosen from"
        )
    return [found[request.example_id] for request in requests]


def modality_of(tables: Sequence[ExampleTable]) -> Modality:
    """Modality of the tables."""
    return tables[0].info.modality


def _among(requests: Sequence[LabelRequest], table: ExampleTable, *, with_images: bool) -> dict[str, QueueExample]:
    ids = [request.example_id for request in requests]
    contents = ["content_id"] if "content_id" in table.schema.names else []
    rows = rows_of(table, contents, ids).to_pylist()
    values = shown_values(table, ids)
    images: list[bytes | None] = [*images_of(table, ids)] if with_images else [None] * len(ids)
    return {
        request.example_id: QueueExample(
            request=request,
            check=_check(request.example_id, rows[place].get("content_id")),
            values={name: column[place] for name, column in values.items()},
            image=images[place],
        )
        for place, request in enumerate(requests)
        if rows[place]["example_id"] is not None
    }


def _check(example_id: str, content_id: int | None) -> str:
    content = f"{example_id}\n{content_id}"
    return f"c{fingerprint_bytes(content.encode())[:16]}"
