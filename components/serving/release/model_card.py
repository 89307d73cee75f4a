"""The model card: what a release is, how it was made and how good it is, in Markdown."""

from collections.abc import Mapping
import math
from typing import Any

from components.shared.contracts.bundle import BundleConfig

_MAX_SHOWN_CHARACTERS = 200
_INPUTS = {
    "image": (
        "It takes JPEG, PNG and other image files",
        "an image of something else still gets one of them",
    ),
    "text": (
        "It takes texts, an empty one too",
        "a text of something else, or in another language than those it was trained on, still gets one of them",
    ),
    "tabular": (
        "It takes rows with a value for each column that `GET /v2/models/NAME` names, null where one is not known",
        "a row of something else still gets one of them",
    ),
}


def model_card(*, model_name: str, config: BundleConfig, evaluation: Mapping[str, Any]) -> str:
    """A model card in Markdown; the same arguments give the same text.

    It shows the numbers under the evaluation's `metrics`, or at its top level where it has no such key.
    """
    metrics = evaluation.get("metrics")
    numbers = _numbers(metrics if isinstance(metrics, Mapping) else evaluation)
    parts = [
        f"# {_cell(model_name)}",
        _answers(config),
        _section("Evaluation", numbers, otherwise="The evaluation holds no single figures."),
        *_threshold(evaluation.get("operating_point")),
        _section("Backbone", config.backbone),
        _section("Preprocessing", config.preprocessing),
        _section("Training", config.training, otherwise="The bundle says nothing of its training."),
        "## Label\n\n"
        f"Version {config.label_version} of the label's definition. A changed definition is a new version, and "
        "figures of different versions do not compare.",
        *_repairs(config),
        _use(config),
    ]
    return "\n\n".join(parts) + "\n"


def _answers(config: BundleConfig) -> str:
    task = config.task.replace("_", " ").capitalize()
    if config.is_regression:
        scale = config.preprocessing.get("target", {})
        numbers = " and ".join(f"{name} {_shown(value)}" for name, value in sorted(scale.items()))
        return f"{task}: it answers a number. The training labels had {numbers}."
    names = ", ".join(_cell(name) for name in config.class_names)
    return f"{task} into {len(config.class_names)} classes: {names}."


def _threshold(point: Any) -> list[str]:
    """At which threshold the server answers; nothing where it answers the most probable class."""
    if not isinstance(point, Mapping) or not isinstance(point.get("threshold"), float | int):
        return []
    name, threshold = _cell(point.get("positive")), point["threshold"]
    return [f"## Threshold\n\nThe server answers {name} where its probability is at least {threshold:.6g}."]


def _repairs(config: BundleConfig) -> list[str]:
    """What is done to raw rows; nothing where the data were good as they came."""
    if not config.repairs:
        return []
    rows = []
    for repair in config.repairs:
        said = {name: value for name, value in repair.to_dict().items() if name != "column"}
        what = ", ".join(f"{name} {value}" for name, value in said.items())
        rows.append(f"| {_cell(repair.column)} | {_cell(_shown(what))} |")
    head = "Rows are sent as they were before these repairs, which the server does, one after the other."
    return ["\n".join(["## Repairs", "", head, "", "| column | repair |", "|---|---|", *rows])]


def _use(config: BundleConfig) -> str:
    takes, stranger = _INPUTS[config.modality]
    if config.is_regression:
        answers = "a number in the label's unit. It knows only rows like those it was trained on"
        stranger = "a row of something else still gets a number"
    else:
        answers = "one probability a class. It knows only the classes above"
    return (
        "## Use\n\n"
        f"`python -m components.serving --model-dir DIR` serves this bundle. {takes}, and answers {answers}: "
        f"{stranger}. Full figures are in `evaluation.json`."
    )


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
    text = str(value)
    if len(text) <= _MAX_SHOWN_CHARACTERS:
        return text
    # What tables are fitted to: thousands of categories and bounds.
    if isinstance(value, Mapping | list):
        return f"{len(value):,} {'entry' if len(value) == 1 else 'entries'}, in config.json"
    return f"{text[:_MAX_SHOWN_CHARACTERS]}…"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
