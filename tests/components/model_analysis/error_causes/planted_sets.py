"""Planted photos as the steps before leave them: an example table, a model, and its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression
import torch

from components.model_analysis.scoring.example_sources import example_table_source
from components.model_analysis.scoring.predictions import score_source
from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.features import Features
from components.modeling.images.features import ImageFeatures
from components.modeling.predictor import load_predictor, weights_of
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from tests.components.model_analysis.error_causes.aliens import drawing_files, noise_files, page_files
from tests.components.model_analysis.error_causes.planted import digits, patches, Photos, planted_photos, textures
from tests.components.model_analysis.error_causes.plants import BLURRED, BROKEN, decoded, HELD_OUT

SUBJECTS: dict[str, Callable[..., Photos]] = {"patches": patches, "digits": digits, "textures": textures}
# Kinds that change nothing on some subject: a stripe's negative is a stripe.
_NO_HARM = {
    "digits": ("swapped channels", "turned channels", "grey"),
    "textures": ("swapped channels", "turned channels", "grey", "turned", "upside down", "transposed", "negative"),
}
_RIGHT_CAUSE = {"wrong_label": "wrong_label", "broken": "broken_processing", "blurred": "poor_input"}


@dataclass(frozen=True, kw_only=True)
class PlantedSet:
    """Paths, and by example id what was planted; the empty text for nothing."""

    examples: Path
    model: Path
    predictions: Path
    plants: dict[str, str]


def right_cause(plant: str) -> str:
    """The cause that should come first."""
    return _RIGHT_CAUSE.get(plant.partition(":")[0], "out_of_distribution")


def kinds_of(subject: str, *, held_out: bool) -> tuple[list[str], list[str]]:
    """Kinds of broken and blurred photos for a subject: those for tuning, or those that were kept out of it."""
    unfit = _NO_HARM.get(subject, ())
    broken = [kind for kind in BROKEN if (kind in HELD_OUT) == held_out and kind not in unfit]
    return broken, [kind for kind in BLURRED if (kind in HELD_OUT) == held_out]


def alien_files(subject: str, seed: int, *, held_out: bool) -> list[bytes]:
    """Photos of other subjects and spots; of those that were kept out of the tuning, pages of writing and drawings."""
    rng = np.random.default_rng(seed)
    if held_out:
        return [*page_files(30, rng), *drawing_files(30, rng)]
    others = [make(25, seed, part="test").files for name, make in SUBJECTS.items() if name != subject]
    return [*(file for files in others for file in files), *noise_files(10, rng)]


def planted_set(
    folder: Path,
    subject: str,
    seed: int,
    *,
    held_out: bool = False,
    is_healthy: bool = False,
    num_train: int = 400,
    num_test: int = 400,
) -> PlantedSet:
    """A set of one subject with plants in its test split, or its healthy twin, and a model's answers."""
    rng, make = np.random.default_rng([seed, held_out]), SUBJECTS[subject]
    parts = {
        "train": make(num_train, seed, part="train"),
        "validation": make(num_test // 4, seed + 1, part="test"),
        "test": make(num_test, seed + 2, part="test"),
    }
    broken, blurred = kinds_of(subject, held_out=held_out)
    aliens = alien_files(subject, seed + 3, held_out=held_out)
    share = 0.0 if is_healthy else 0.08
    files, labels, plants = planted_photos(parts["test"], aliens, rng, share=share, broken=broken, blurred=blurred)
    parts["test"] = Photos(files=files, classes=labels, class_names=parts["test"].class_names)
    examples = write_photos(folder / "examples", parts)
    features = ImageFeatures(image_size=32 if subject != "patches" else 48)
    model = head_fitted_bundle(folder / "model", BackboneConfig(name="small_cnn"), features, parts["train"])
    ids = [f"test-{number}" for number in range(len(files))]
    return PlantedSet(
        examples=examples,
        model=model,
        predictions=scored(examples, model, folder / "predictions"),
        plants=dict(zip(ids, plants.tolist(), strict=True)),
    )


def write_photos(path: Path, parts: dict[str, Photos]) -> Path:
    """An example table of photos by split."""
    names = parts["train"].class_names
    info = ExampleTableInfo(modality="image", class_names=names, column_roles={"camera": "slice"})
    with ExampleTableWriter(path, info, extra_columns={"camera": pa.string()}) as writer:
        for split, photos in parts.items():
            num = len(photos.files)
            columns = {
                "example_id": pa.array([f"{split}-{number}" for number in range(num)]),
                "split": pa.array([split] * num),
                "label": pa.array([names[number] for number in photos.classes]),
                "image": pa.array(photos.files, pa.binary()),
                "camera": pa.array([f"camera-{number % 3}" for number in range(num)]),
            }
            writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return path


def head_fitted_bundle(path: Path, backbone: BackboneConfig, features: Features, train: Photos) -> Path:
    """A bundle of a backbone as it is, whose head is a logistic regression on the training photos."""
    readable = [decoded(data) is not None for data in train.files]
    assert all(readable)
    columns = {"image": pa.array(train.files, pa.binary())}
    return head_fitted(path, backbone, features, columns, train.classes, train.class_names)


def head_fitted(
    path: Path,
    backbone: BackboneConfig,
    features: Features,
    columns: dict[str, pa.Array],
    classes: np.ndarray,
    class_names: Sequence[str],
) -> Path:
    """The same for examples of any modality."""
    torch.manual_seed(0)
    network = build_classifier(
        backbone, features, num_classes=len(class_names), load_pretrained=backbone.pretrained
    ).eval()
    prepared = {name: torch.from_numpy(value) for name, value in features.prepare(columns).items()}
    with torch.inference_mode():
        num_rows = len(classes)
        found = []
        network.adapt([features.tensors(prepared)])
        for start in range(0, num_rows, 64):
            part = {name: value[start : start + 64] for name, value in prepared.items()}
            found.append(network.embed_and_score(*features.tensors(part))[0])
        embeddings = torch.cat(found).numpy()
    middle, spread = embeddings.mean(axis=0), embeddings.std(axis=0) + 1e-6
    head = LogisticRegression(C=0.1, max_iter=500).fit((embeddings - middle) / spread, classes)
    weight, bias = head.coef_ / spread, head.intercept_ - head.coef_ @ (middle / spread)
    if len(class_names) == 2:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(weight))
        network.head.bias.copy_(torch.from_numpy(bias))
    config = BundleConfig(
        task=f"{features.modality}_classification",
        class_names=tuple(class_names),
        backbone=backbone.to_dict(),
        preprocessing=features.to_dict(),
    )
    write_bundle(path, config, weights_of(network))
    return path


def scored(examples: Path, model: Path, path: Path) -> Path:
    """The predictions table of the validation and test splits, as evaluation writes it."""
    predictor = load_predictor(model, device="cpu")
    source = example_table_source(ExampleTable(examples), predictor.features, splits=("validation", "test"))
    score_source(source, predictor, path)
    return path
