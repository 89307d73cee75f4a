"""Small real data that several tests build on; heavy imports stay inside, for both environments load this file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.shared.tables.personal_key import KEY_VARIABLE

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share tests out by file, but those of serving together: each process that runs some of them starts servers."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByFileAndServer(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            folder = "tests/components/serving/"
            return folder if nodeid.startswith(folder) else str(super()._split_scope(nodeid))

    return ByFileAndServer(config, log)


@pytest.fixture(scope="session", autouse=True)
def personal_key() -> Iterator[str]:
    """The key of personal data, given to every step, so that no test leaves one in the working folder."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(KEY_VARIABLE, "the key of all tests")
        yield "the key of all tests"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The project's root."""
    return REPOSITORY


def striped_image(label: int, seed: int, size_px: int = 24) -> np.ndarray:
    """A noisy picture whose stripes run across (class 0) or down (class 1), shape (S, S, 3), uint8."""
    rng = np.random.default_rng((label, seed))
    stripes = (np.arange(size_px) // 4 % 2 * 120).astype(np.float64)
    plane = np.tile(stripes[:, None] if label == 0 else stripes[None, :], (1, size_px) if label == 0 else (size_px, 1))
    noisy = plane[..., None] + rng.normal(60, 25, (size_px, size_px, 3))
    return noisy.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def stripes() -> Callable[..., np.ndarray]:
    """The maker of striped pictures."""
    return striped_image


@pytest.fixture(scope="session")
def stripes_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An example table of 120 striped pictures in two classes: 80 train, 20 validation, 20 test."""
    import pyarrow as pa

    from components.modeling.images.decoding import encode_png
    from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter

    path = tmp_path_factory.mktemp("stripes") / "examples"
    sizes = {"image_width": pa.int64(), "image_height": pa.int64()}
    info = ExampleTableInfo(
        modality="image", class_names=("across", "down"), column_roles=dict.fromkeys(sizes, "derived")
    )
    splits = ["train"] * 40 + ["validation"] * 10 + ["test"] * 10
    with ExampleTableWriter(path, info, extra_columns=sizes) as writer:
        for label in (0, 1):
            arrays = {
                "example_id": pa.array([f"{label}-{number:03d}" for number in range(60)]),
                "split": pa.array(splits),
                "label": pa.array([info.class_names[label]] * 60),
                "image": pa.array([encode_png(striped_image(label, seed)) for seed in range(60)], pa.binary()),
                "image_width": pa.array([24] * 60, pa.int64()),
                "image_height": pa.array([24] * 60, pa.int64()),
            }
            writer.write(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)))
    return path


@pytest.fixture(scope="session")
def stripes_store(stripes_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The feature store of `stripes_table` for the small network."""
    from components.feature_engineering.jobs import build_feature_store

    folder = tmp_path_factory.mktemp("stripes-store")
    build_feature_store(
        examples_path=stripes_table,
        backbone="small_cnn",
        features_path=folder / "features",
        report_path=folder / "report.html",
    )
    return folder / "features"


@pytest.fixture(scope="session")
def friedman_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An example table for regression, 400 rows: Friedman's first problem, its first number as a category, with gaps.

    The label is in thousands, so that a scale that is forgotten shows: mean about 14,000.
    """
    import pyarrow as pa
    from sklearn.datasets import make_friedman1

    from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter

    path = tmp_path_factory.mktemp("friedman") / "examples"
    numbers_NF, labels_N = make_friedman1(400, n_features=6, noise=0.5, random_state=0)
    gaps_NF = np.random.default_rng(0).random(numbers_NF.shape) < 0.05
    columns = {f"x{number}": pa.array(numbers_NF[:, number], mask=gaps_NF[:, number]) for number in range(1, 6)}
    columns["x0"] = pa.array([f"level {int(value * 8)}" for value in numbers_NF[:, 0]])
    info = ExampleTableInfo(
        modality="tabular", class_names=(), column_roles=dict.fromkeys(columns, "feature"), task="regression"
    )
    arrays = {
        "example_id": pa.array([f"row-{number:03d}" for number in range(400)]),
        "split": pa.array((["train"] * 14 + ["validation"] * 3 + ["test"] * 3) * 20),
        "label": pa.array(1000.0 * labels_N),
        **columns,
    }
    types = {name: column.type for name, column in columns.items()}
    with ExampleTableWriter(path, info, extra_columns=types) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)))
    return path


@pytest.fixture(scope="session")
def friedman_store(friedman_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The feature store of `friedman_table`."""
    from components.feature_engineering.jobs import build_feature_store

    folder = tmp_path_factory.mktemp("friedman-store")
    build_feature_store(
        examples_path=friedman_table,
        backbone="auto",
        features_path=folder / "features",
        report_path=folder / "report.html",
    )
    return folder / "features"


@pytest.fixture(scope="session")
def friedman_model(friedman_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model bundle that answers numbers, trained on `friedman_store` for a few epochs."""
    from components.training.jobs.train_model import train_model
    from components.training.training_run import TrainingInputs, TrainingOutputs

    folder = tmp_path_factory.mktemp("friedman-model")
    train_model(
        TrainingInputs(features=friedman_store),
        TrainingOutputs(
            model=folder / "model",
            report=folder / "report.html",
            metrics=folder / "metrics.json",
            logs=folder / "logs",
        ),
        recipe="full",
        training='{"max_epochs": 12}',
        seed=0,
        checkpoint_dir=str(folder / "checkpoints"),
        device="cpu",
    )
    return folder / "model"
