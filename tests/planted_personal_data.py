"""Sources of every modality with personal data planted in them, and what of a run's files may hold them."""

from collections.abc import Collection
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tests.decoded_search import DecodedSearch

EMAILS = tuple(f"{name}@mail.example.co.kr" for name in ("hong.gildong", "kim_minji", "lee-jun", "park.seo"))
PHONES = tuple(f"010-{first}-{last}" for first, last in ((2345, 6789), (3141, 5926), (8765, 4321), (9753, 1864)))
RESIDENTS = ("900101-1234568", "850615-2123454", "000229-3234567")
CARDS = ("4539 5787 6362 1486", "5105-1051-0510-5100")
SEARCH = DecodedSearch([*EMAILS, *PHONES, *RESIDENTS, *CARDS])
NUM_ROWS = 240
_PLANTED = (*EMAILS, *PHONES, *RESIDENTS, *CARDS)
TEXT_PROBLEM = "{modality: text, id: ticket, pii: [phone], slices: [agent]}"
TABLE_PROBLEM = "{modality: tabular, pii: [phone], slices: [agent], sensitive: [contact], group: household}"
# Of an example table and a serving log these columns are the payload.
_PAYLOAD_ROLES = {"payload", "feature"}


def cycled(values: Collection[str], count: int = NUM_ROWS, *, every: int = 1) -> list[str]:
    """The values in turn, in every `every`-th place, plain words between."""
    listed = list(values)
    return [listed[place // every % len(listed)] if place % every == 0 else "none" for place in range(count)]


def mobile_numbers(count: int = NUM_ROWS) -> list[int]:
    """Telephones as a spreadsheet keeps them, without their zero; the planted ones among them."""
    rest = np.random.default_rng(5).integers(1_020_000_000, 1_099_999_999, count).tolist()
    return [*(int(phone.replace("-", "")) for phone in PHONES), *rest][:count]


def text_table(folder: Path) -> Path:
    """Comments with values in them, in a column nobody declares, in a declared one and in the identifiers."""
    rng = np.random.default_rng(0)
    labels = ["good", "bad"] * (NUM_ROWS // 2)
    words = {"good": "wonderful splendid joyful", "bad": "awful dreadful gloomy"}
    texts = [
        f"{words[label]} {number} {rng.integers(1e6)} " + (_PLANTED[number % len(_PLANTED)] if number % 3 == 0 else "")
        for number, label in enumerate(labels)
    ]
    columns = {
        "ticket": [f"{number}/{EMAILS[number % 4]}" for number in range(NUM_ROWS)],
        "text": texts,
        "label": labels,
        "phone": cycled(PHONES),
        "agent": cycled(EMAILS),
        "note": cycled(_PLANTED, every=2),
    }
    return _csv(folder / "comments.csv", columns)


def feature_table(folder: Path) -> Path:
    """A table whose features hold values: repeated ones, as texts, as whole and as other numbers."""
    rng = np.random.default_rng(1)
    x = rng.normal(0.0, 1.0, NUM_ROWS)
    mobiles = mobile_numbers()
    columns = {
        "x": x.tolist(),
        "phone": cycled(PHONES),
        "agent": cycled(EMAILS),
        "contact": cycled([*EMAILS[:2], *RESIDENTS]),
        "card": cycled(CARDS),
        "resident": cycled(RESIDENTS, every=3),
        "mobile": mobiles,
        "second_mobile": [None if number % 7 == 0 else float(value) for number, value in enumerate(mobiles)],
        "household": [f"{PHONES[number % 4]} {number // 2}" for number in range(NUM_ROWS)],
        "label": np.where(x + rng.normal(0.0, 0.1, NUM_ROWS) > 0, "high", "low").tolist(),
    }
    return _csv(folder / "customers.csv", columns)


def photo_folder(folder: Path) -> Path:
    """Photos whose file names hold values."""
    from PIL import Image

    rng = np.random.default_rng(2)
    for number in range(80):
        label = ("bright", "dark")[number % 2]
        planted = _PLANTED[number % len(_PLANTED)].replace(" ", "-") if number % 2 else f"plain_{number}"
        path = folder / "photos" / label / f"{number:03d}_{planted}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 60, (24, 24, 3)) + (180 if label == "bright" else 10)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return folder / "photos"


def exempt(file: Path) -> bool | Collection[str]:
    """What of a run's files may hold values: payload and feature columns, and the feature store."""
    if file.suffix == ".parquet":
        content = json.loads((pq.read_schema(file).metadata or {}).get(b"pluszero", b"{}"))
        if content.get("contract") in ("example_table", "serving_log"):
            roles = content["column_roles"]
            return [name for name, its in roles.items() if _PAYLOAD_ROLES & set([its] if isinstance(its, str) else its)]
    return any((parent / "feature_store.json").is_file() for parent in list(file.parents)[:2])


def _csv(path: Path, columns: dict[str, list]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pa_csv.write_csv(pa.table(columns), path)
    return path
