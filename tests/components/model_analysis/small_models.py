"""Texts and trips of two kinds, tables of them, and bundles of networks that are fitted to examples."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.features import Features
from components.modeling.predictor import weights_of
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter

_FIT_STEPS = 20


def comment(label: str, seed: int) -> str:
    """A Korean comment that is good or bad."""
    generator = np.random.default_rng(seed)
    words = ["영화", "배우", "이야기", "음악", "장면"]
    tail = ["최고예요", "재밌어요"] if label == "good" else ["지루해요", "별로네요"]
    return " ".join([*generator.choice(words, 3), str(generator.choice(tail))])


def trips(labels: Sequence[str], first: int = 0) -> dict[str, pa.Array]:
    """Trips, tipped (`true`) or not: miles and way of paying tell, the hour does not."""
    generator = np.random.default_rng(first)
    miles = [(9.0 if label == "true" else 2.0) + generator.normal(0, 0.5) for label in labels]
    paid = ["card" if label == "true" else "cash" for label in labels]
    hours = generator.integers(0, 24, len(labels))
    return {"miles": pa.array(miles), "hour": pa.array(hours, pa.int64()), "paid": pa.array(paid)}


def fitted_bundle(
    path: Path,
    backbone: BackboneConfig,
    features: Features,
    columns: Mapping[str, pa.Array],
    labels: Sequence[str],
    class_names: tuple[str, str],
    *,
    num_steps: int = _FIT_STEPS,
) -> Path:
    """A bundle of a network that a few steps fit to examples of two classes."""
    torch.manual_seed(0)
    network = build_classifier(backbone, features, num_classes=2, load_pretrained=False).eval()
    prepared = features.prepare(columns)
    tensors = features.tensors({name: torch.from_numpy(value) for name, value in prepared.items()})
    label_indices = torch.tensor([class_names.index(label) for label in labels])
    network.adapt([tensors])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(num_steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(*tensors), label_indices).backward()
        optimizer.step()
    config = BundleConfig(
        task=f"{features.modality}_classification",
        class_names=class_names,
        backbone=backbone.to_dict(),
        preprocessing=features.to_dict(),
    )
    write_bundle(path, config, weights_of(network))
    return path


def write_example_table(
    path: Path,
    labels: Sequence[str | None],
    columns: Mapping[str, pa.Array],
    *,
    modality: str,
    class_names: tuple[str, ...],
    roles: Mapping[str, str],
    split: str = "test",
) -> Path:
    """Write an example table of one split."""
    info = ExampleTableInfo(modality=modality, class_names=class_names, column_roles=roles)
    arrays = {
        "example_id": pa.array([f"example-{number}" for number in range(len(labels))]),
        "split": pa.array([split] * len(labels)),
        "label": pa.array(labels, pa.string()),
        **columns,
    }
    extra = {name: column.type for name, column in columns.items() if name != "text"}
    with ExampleTableWriter(path, info, extra_columns=extra) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)))
    return path
