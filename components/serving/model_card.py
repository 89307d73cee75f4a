"""The model card: what a release is, how it was made and how good it is, in Markdown."""

from collections.abc import Mapping
import math
from typing import Any

from components.shared.bundle import BundleConfig


def model_card(*, model_name: str, config: BundleConfig, evaluation: Mapping[str, Any]) -> str:
    """Write a model card; the same arguments give the same text.

    Parameters
    ----------
    model_name
        The model's name.
    config
        The bundle's config.
    evaluation
        The evaluation; numbers under `metrics`, or at its top level where it has no such key, are shown.

    Returns
    -------
    str
        Markdown.
    """
    metrics = evaluation.get("metrics")
    numbers = _numbers(metrics if isinstance(metrics, Mapping) else evaluation)
    parts = [
        f"# {_cell(model_name)}",
        f"{config.task.replace('_', ' ').capitalize()} into {len(config.class_names)} classes: "
        f"{', '.join(_cell(name) for name in config.class_names)}.",
        _section("Evaluation", numbers, otherwise="The evaluation holds no single figures."),
        _section("Backbone", config.backbone),
        _section("Preprocessing", config.preprocessing),
        _section("Training", config.training, otherwise="The bundle says nothing of its training."),
        "## Label\n\n"
        f"Version {config.label_version} of the label's definition. A changed definition is a new version, and "
        "figures of different versions do not compare.",
        "## Use\n\n"
        "`python -m components.serving --model-dir DIR` serves this bundle. It takes JPEG, PNG and other image files "
        "and answers one probability a class. It knows only the classes above: an image of something else still gets "
        "one of them. Full figures are in `evaluation.json`.",
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, values: Mapping[str, Any], *, otherwise: str = "Defaults.") -> str:
    if not values:
        return f"## {title}\n\n{otherwise}"
    rows = [f"| {_cell(name)} | {_cell(_shown(value))} |" for name, value in sorted(values.items())]
    return "\n".join([f"## {title}", "", "| | |", "|---|---|", *rows])


def _numbers(content: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in content.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name != "format_version"
    }


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "–"
    return str(value)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
