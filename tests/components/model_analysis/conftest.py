"""Small real things of each modality: examples of two kinds, a model that tells them apart, tables of them."""

from collections.abc import Callable, Sequence
import io
from pathlib import Path

import numpy as np
from PIL import Image
import pyarrow as pa
import pytest

from components.modeling.backbone_config import BackboneConfig
from components.modeling.images.features import ImageFeatures
from components.modeling.tabular.features import fit_tabular_features
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from tests.components.model_analysis.small_models import comment, fitted_bundle, trips

Photo = Callable[..., bytes]
MakeTable = Callable[..., Path]
BRIGHTNESS = {"cat": 190, "dog": 60}


@pytest.fixture(scope="session")
def photo() -> Photo:
    """Photos: of a cat bright, of a dog dark, of a bird in between."""

    def make(kind: str, seed: int = 0, *, file_format: str = "JPEG", size: tuple[int, int] = (40, 30)) -> bytes:
        generator = np.random.default_rng(seed)
        noise = generator.integers(-30, 31, (size[1], size[0], 3))
        pixels = np.clip(BRIGHTNESS.get(kind, 125) + noise, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format=file_format)
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory, photo: Photo) -> Path:
    """A bundle that takes bright photos for cats and dark ones for dogs."""
    kinds = ["cat", "dog"] * 20
    columns = {"image": pa.array([photo(kind, 1000 + seed) for seed, kind in enumerate(kinds)], pa.binary())}
    path = tmp_path_factory.mktemp("model") / "bundle"
    return fitted_bundle(
        path, BackboneConfig(name="small_cnn"), ImageFeatures(image_size=16), columns, kinds, ("cat", "dog")
    )


@pytest.fixture(scope="session")
def text_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that takes comments with happy words for good and others for bad."""
    labels = ["bad", "good"] * 40
    columns = {"text": pa.array([comment(label, seed) for seed, label in enumerate(labels)])}
    features = TextFeatures(num_buckets=4096)
    path = tmp_path_factory.mktemp("text-model") / "bundle"
    return fitted_bundle(path, BackboneConfig(name="char_ngrams"), features, columns, labels, ("bad", "good"))


@pytest.fixture(scope="session")
def trip_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that takes long trips paid by card for tipped; the hour says nothing."""
    labels = ["false", "true"] * 40
    columns = trips(labels)
    features = fit_tabular_features([columns], {name: column.type for name, column in columns.items()})
    path = tmp_path_factory.mktemp("trip-model") / "bundle"
    return fitted_bundle(path, BackboneConfig(name="mlp"), features, columns, labels, ("false", "true"))


@pytest.fixture
def make_table(tmp_path: Path, photo: Photo) -> MakeTable:
    """Writes an example table from rows of (split, label, what the photo shows)."""

    def make(
        rows: Sequence[tuple[str, str | None, str]],
        *,
        class_names: Sequence[str] = ("cat", "dog"),
        name: str = "examples",
        sources: Sequence[str] | None = None,
    ) -> Path:
        info = ExampleTableInfo(
            modality="image", class_names=tuple(class_names), column_roles={"camera": "slice", "note": "metadata"}
        )
        images = [photo(kind, seed) if kind != "damaged" else b"no image" for seed, (_, _, kind) in enumerate(rows)]
        columns = {
            "example_id": pa.array([f"example-{number}" for number in range(len(rows))]),
            "split": pa.array([split for split, _, _ in rows], pa.string()),
            "label": pa.array([label for _, label, _ in rows], pa.string()),
            "image": pa.array(images, pa.binary()),
            "camera": pa.array([f"camera-{number % 2}" for number in range(len(rows))], pa.string()),
            "note": pa.array(["private"] * len(rows), pa.string()),
            **({} if sources is None else {"label_source": pa.array(sources, pa.string())}),
        }
        path = tmp_path / name
        extra = {"camera": pa.string(), "note": pa.string()}
        with ExampleTableWriter(path, info, extra_columns=extra) as writer:
            writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
        return path

    return make
