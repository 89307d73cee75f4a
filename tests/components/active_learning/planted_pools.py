"""Planted pools, each with a healthy twin: what must be chosen of them was written down before the code that chooses.

`HELD_OUT_SEEDS` were kept out while the code was written, and run once at its end.
"""

from dataclasses import dataclass
import io
from pathlib import Path

import numpy as np
from PIL import Image
import pyarrow as pa

from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter

SEEDS, HELD_OUT_SEEDS = (0, 1), (2,)
_SYLLABLES = [chr(0xAC00 + 28 * number) for number in range(399)]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PlantedPool:
    """N rows: `probabilities` (N, 2), `embeddings` (N, D), and the kind of each row, (N,)."""

    example_ids: list[str]
    probabilities: np.ndarray
    embeddings: np.ndarray
    kinds: np.ndarray


def spammed(seed: int, *, planted: bool, num_rows: int = 400, dimensions: int = 8) -> PlantedPool:
    """A pool of which 60 rows, kind 1, are the most uncertain; planted, they are one comment, written a little anew."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(num_rows, dimensions))
    first = rng.beta(1.0, 6.0, num_rows)
    kinds = np.zeros(num_rows, int)
    kinds[:60] = 1
    first[:60] = 0.5 + rng.normal(0, 0.001, 60)
    if planted:
        embeddings[:30] = embeddings[0]
        embeddings[30:60] = embeddings[0] + rng.normal(0, 1e-3, (30, dimensions))
    order = rng.permutation(num_rows)
    return PlantedPool(
        example_ids=[f"row-{place}" for place in order.tolist()],
        probabilities=np.column_stack([first, 1 - first])[order].astype(np.float32),
        embeddings=embeddings[order].astype(np.float32),
        kinds=kinds[order],
    )


def clustered(seed: int, *, planted: bool, num_clusters: int = 6) -> PlantedPool:
    """Rows around `num_clusters` middles, kinds 0 on, of unequal sizes; planted, 12 outliers of kind -1 beside them."""
    rng = np.random.default_rng(seed)
    middles = np.linalg.qr(rng.normal(size=(16, 16)))[0][:num_clusters] * 4
    sizes = 30 + 15 * np.arange(num_clusters)
    kinds = np.repeat(np.arange(num_clusters), sizes)
    embeddings = middles[kinds] + rng.normal(0, 0.35, (len(kinds), 16))
    if planted:
        kinds = np.concatenate([kinds, np.full(12, -1)])
        embeddings = np.concatenate([embeddings, 6 * rng.normal(size=(12, 16))])
    order = rng.permutation(len(kinds))
    return PlantedPool(
        example_ids=[f"row-{place}" for place in order.tolist()],
        probabilities=np.full((len(kinds), 2), 0.5, np.float32),
        embeddings=embeddings[order].astype(np.float32),
        kinds=kinds[order],
    )


def rows_near_a_border(seed: int, *, planted: bool, num_rows: int = 1600) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers a row (N, 2), and labels (N,).

    Planted, a line parts the classes and most rows lie far from it, so that asking near it pays; in the twin labels are
    a coin, and nothing can pay.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, num_rows)
    if not planted:
        return rng.normal(size=(num_rows, 2)), labels
    near = rng.random(num_rows) < 0.15
    away = np.where(near, rng.uniform(0.05, 0.6, num_rows), rng.uniform(2.0, 4.0, num_rows))
    across = (2 * labels - 1) * away
    along = rng.normal(0, 3.0, num_rows)
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    return np.column_stack([across, along]) @ turn, labels


def write_rows(path: Path, rows: np.ndarray, labels: np.ndarray, *, test_share: float = 0.4) -> Path:
    """An example table of rows (N, D): the last are test rows, some before them validation rows."""
    num_rows = len(labels)
    num_test, num_validation = int(test_share * num_rows), num_rows // 20
    splits = ["train"] * (num_rows - num_test - num_validation) + ["validation"] * num_validation + ["test"] * num_test
    columns = {f"x{place}": pa.array(column) for place, column in enumerate(rows.T)}
    return _write(path, "tabular", columns, [("low", "high")[label] for label in labels.tolist()], splits)


def write_comments(path: Path, seed: int, *, num_rows: int = 600) -> Path:
    """An example table of made-up comments, of which half the words say the class."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(_SYLLABLES, 3)) for _ in range(300)]
    labels = rng.integers(0, 2, num_rows)
    told = rng.integers(0, 60, (num_rows, 2)) * 2 + labels[:, None]
    filled = rng.integers(120, 300, (num_rows, 4))
    texts = [" ".join(words[place] for place in row) for row in np.concatenate([told, filled], axis=1).tolist()]
    num_test = num_rows // 3
    splits = ["train"] * (num_rows - num_test) + ["test"] * num_test
    return _write(
        path, "text", {"text": pa.array(texts)}, [("bad", "good")[label] for label in labels.tolist()], splits
    )


def striped_photos(seed: int, num_rows: int) -> tuple[list[bytes], np.ndarray]:
    """Photos (PNG, 32 px) with stripes across, class 0, or down, class 1, under noise; and their labels, (N,)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, num_rows)
    photos = []
    for label in labels.tolist():
        stripes = 60.0 * np.sign(np.sin(np.arange(32) / rng.uniform(1.0, 2.0) + rng.uniform(0, 6)))
        pixels = 128 + (stripes[None, :] if label else stripes[:, None])[..., None] + rng.normal(0, 30, (32, 32, 3))
        data = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(data, "PNG")
        photos.append(data.getvalue())
    return photos, labels


def write_photos(path: Path, photos: list[bytes], labels: np.ndarray, *, num_test: int) -> Path:
    """An example table of photos of which the last are test rows."""
    splits = ["train"] * (len(photos) - num_test) + ["test"] * num_test
    names = [("across", "down")[label] for label in labels.tolist()]
    return _write(path, "image", {"image": pa.array(photos, pa.binary())}, names, splits)


def _write(path: Path, modality: str, columns: dict[str, pa.Array], labels: list[str], splits: list[str]) -> Path:
    extra = {name: values.type for name, values in columns.items()} if modality == "tabular" else {}
    info = ExampleTableInfo(
        modality=modality, class_names=tuple(sorted(set(labels))), column_roles=dict.fromkeys(extra, "feature")
    )
    found = {
        "example_id": pa.array([f"row-{number}" for number in range(len(labels))]),
        "split": pa.array(splits),
        "label": pa.array(labels),
        **columns,
    }
    with ExampleTableWriter(path, info, extra_columns=extra) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(found.values()), list(found)))
    return path
