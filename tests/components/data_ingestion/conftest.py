from collections.abc import Callable
import io
from pathlib import Path

import numpy as np
from PIL import Image
import pytest

from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs, IngestionResult
from components.shared.contracts.problem import parse_problem


def photo(seed: int, *, height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth random picture, shape (height, width, 3), uint8; another one for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encoded(pixels: np.ndarray, file_format: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=file_format, **options)
    return buffer.getvalue()


@pytest.fixture(name="photo")
def photo_fixture() -> Callable[..., np.ndarray]:
    return photo


@pytest.fixture(name="encoded")
def encoded_fixture() -> Callable[..., bytes]:
    return encoded


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """Twenty photos each of cats and dogs."""
    folder = tmp_path / "photos"
    for number, label in enumerate(("cat", "dog")):
        (folder / label).mkdir(parents=True)
        for index in range(20):
            data = encoded(photo(number * 1000 + index))
            (folder / label / f"{label}.{index:02d}.jpg").write_bytes(data)
    return folder


@pytest.fixture
def ingest(tmp_path: Path) -> Callable[..., tuple[IngestionResult, Path]]:
    """Run the job; returns its result and the folder that holds examples, report.html and verdict.json."""

    def run(source: object, problem: str = "", *, output: str = "out") -> tuple[IngestionResult, Path]:
        folder = tmp_path / output
        outputs = IngestionOutputs(
            examples=folder / "examples", report=folder / "report.html", verdict=folder / "verdict.json"
        )
        result = ingest_examples(source=str(source), problem=parse_problem(problem), outputs=outputs)
        return result, folder

    return run
