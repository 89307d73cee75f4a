"""The report's section on augmentation: what the augmentation policy does, what it may harm, and how it looks."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.feature_engineering.contact_sheet import contact_sheet, transform_sheet
from components.feature_engineering.label_risk import label_risks, LabelRisks
from components.modeling.augmentation.augmenter import Augmenter
from components.reporting.page import Report
from components.shared.feature_store.store import FeatureStore

_CLASS = "__class_fullname__"
_OF_EVERY = (_CLASS, "p", "transforms")
_NOT_OF_IMAGES = ("fill_mask", "mask_interpolation", "rotate_method")


def add_augmentation(report: Report, store: FeatureStore) -> None:
    """Write the section on a finished store of images; without an augmentation policy one sentence says so."""
    policy = store.preparation["augmentation"]
    report.heading("Augmentation")
    if policy is None:
        report.paragraph("No policy: training sees every image as it is stored, in every epoch.")
        return
    report.paragraph(
        f"Policy {policy.get('name', 'unnamed')}, version {policy.get('version', 'unknown')}. "
        "Training sees a new variant of every image in every epoch; held-out images are not augmented."
    )
    report.table(["transform", "p", "parameters"], [list(row) for row in _rows(policy["transform"])])
    _add_risks(report, _risks(store, policy))
    report.paragraph("As stored, then six variants of each:")
    for pictures in contact_sheet(store, Augmenter(policy)):
        report.gallery(pictures)
    report.paragraph("Each transform alone, always applied:")
    for pictures in transform_sheet(store, policy):
        report.gallery(pictures)


def _risks(store: FeatureStore, policy: Mapping[str, Any]) -> LabelRisks:
    rows = store.indices("train")
    return label_risks(
        lambda chosen: store.gather(rows[chosen])["image"],
        store.labels[rows],
        policy,
        class_names=store.class_names,
    )


def _add_risks(report: Report, risks: LabelRisks) -> None:
    if not risks.is_judged:
        report.paragraph(
            "Whether a transform changes labels was not judged: nearest neighbours on 16 x 16 grey pixels are not "
            "clearly better than chance on these images. Look at the pictures."
        )
        return
    for warning in risks.warnings:
        report.paragraph(warning, tone="warn")
    highest = max(risk.share for risk in risks.risks)
    report.paragraph(
        f"Judged by nearest neighbours on 16 x 16 grey pixels, right for {risks.accuracy:.0%} of held-out training "
        f"images: a transform applied alone makes them take at most {highest:.0%} for another class."
    )


def _rows(node: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, float, str]]:
    """Name, probability and parameters of a composition's transforms, indented by depth."""
    for inner in node["transforms"]:
        name = str(inner[_CLASS]).rsplit(".", 1)[-1]
        parameters = ", ".join(
            f"{key} {value}"
            for key, value in inner.items()
            if key not in (*_OF_EVERY, *_NOT_OF_IMAGES) and value is not None
        )
        yield "– " * depth + name, inner.get("p", 0.5), parameters
        if "transforms" in inner:
            yield from _rows(inner, depth + 1)
