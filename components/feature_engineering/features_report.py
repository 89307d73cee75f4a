"""What a person sees of the feature store."""

from collections.abc import Mapping
from typing import Any

from components.feature_engineering.augmentation_policy_report import add_augmentation
from components.feature_engineering.fourier_gallery import fourier_gallery
from components.reporting.page import Report
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.feature_store.store import FeatureStore

_MAX_SHOWN = 200


def features_report(store: FeatureStore) -> Report:
    """The report of a finished store: how much of what, how it was prepared, and for images a contact sheet."""
    report = Report("Features", subtitle="Prepared once; training reads them memory-mapped every epoch.")
    size_bytes = sum(file.stat().st_size for file in store.path.glob("*.arrow"))
    report.facts(
        {
            "examples": len(store),
            "modality": store.modality,
            "backbone": store.preparation["backbone"]["name"],
            "size, MB": round(size_bytes / 1e6, 1),
        }
    )
    report.table(["split", "examples"], [[split, int((store.splits == split).sum())] for split in SPLIT_NAMES])
    report.heading("Inputs")
    report.table(
        ["input", "type", "shape of an example"],
        [
            [name, spec.dtype, "differs in length" if spec.is_ragged else " x ".join(map(str, spec.shape))]
            for name, spec in store.input_specs.items()
        ],
    )
    report.heading("Preparation")
    report.table(["setting", "value"], [[name, value] for name, value in _settings(store.preparation["preprocessing"])])
    if store.modality == "image":
        add_augmentation(report, store)
        report.heading("Frequencies")
        report.paragraph("Stored training images: filtered by frequency, spoilt and restored, compressed; PSNR in dB.")
        for pictures in fourier_gallery(store):
            report.gallery(pictures)
    return report


def _settings(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    shown = []
    for name, value in content.items():
        text = str(value)
        shown.append((name, text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]} ..."))
    return shown
