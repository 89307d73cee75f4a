"""What a person sees of the feature store."""

from collections.abc import Mapping
from typing import Any

from components.feature_engineering.contact_sheet import contact_sheet
from components.feature_engineering.preparation import Preparation
from components.modeling.augmentation import Augmenter
from components.reporting.page import Report
from components.shared.feature_store import FeatureStore
from components.shared.problem import SPLIT_NAMES

_MAX_SHOWN = 200


def features_report(store: FeatureStore, preparation: Preparation) -> Report:
    """The feature store's report: how much of what, how it was prepared, and for images a contact sheet.

    Parameters
    ----------
    store
        The finished store.
    preparation
        What it was built with.
    """
    report = Report("Features", subtitle="Prepared once; training reads them memory-mapped every epoch.")
    size_bytes = sum(file.stat().st_size for file in store.path.glob("*.arrow"))
    report.facts(
        {
            "examples": len(store),
            "modality": store.modality,
            "backbone": preparation.backbone.name,
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
    report.table(["setting", "value"], [[name, value] for name, value in _settings(preparation.features.to_dict())])
    if store.preparation["augmentation"] is not None:
        _add_augmentation(report, store, store.preparation["augmentation"])
    return report


def _settings(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    shown = []
    for name, value in content.items():
        text = str(value)
        shown.append((name, text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]} ..."))
    return shown


def _add_augmentation(report: Report, store: FeatureStore, policy: dict[str, Any]) -> None:
    report.heading("Augmentation")
    names = [str(step["__class_fullname__"]).rsplit(".", 1)[-1] for step in policy["transform"]["transforms"]]
    report.paragraph(f"Policy standard: {', '.join(names)}. Training sees a new variant of every image in every epoch.")
    report.gallery(contact_sheet(store, Augmenter(policy)), caption="As stored, then three variants of each:")
