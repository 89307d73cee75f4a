"""The model card: what a release is, how it was made and how good it is, in Markdown."""

from collections.abc import Mapping
import math
import re
from typing import Any

from components.shared.contracts.analysis_summary import AnalysisSummary
from components.shared.contracts.bundle import BundleConfig

_MAX_SHOWN_CHARACTERS = 200
_CHAMPION = "champion"
_ENDS = ("_low", "_high")
_SPECIAL = re.compile(r"[\\`*\[\]<>|]")
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


def model_card(
    *, model_name: str, config: BundleConfig, evaluation: Mapping[str, Any], summary: AnalysisSummary | None = None
) -> str:
    """A model card in Markdown; the same arguments give the same text.

    It shows the numbers under the evaluation's `metrics`, or at its top level where it has no such key; of the summary
    of the analysis what does not depend on the champion of the day, so that the same model is the same release.
    """
    metrics = evaluation.get("metrics")
    numbers = _numbers(metrics if isinstance(metrics, Mapping) else evaluation)
    parts = [
        f"# {_cell(model_name)}",
        _answers(config),
        _use(config),
        _data(config, evaluation),
        _evaluation(numbers),
        *_threshold(evaluation.get("operating_point")),
        *_baseline(evaluation.get("baseline")),
        *([] if summary is None else [*_groups(summary), *_weaknesses(summary)]),
        _section("Backbone", config.backbone),
        _section("Preprocessing", config.preprocessing),
        _section("Training", config.training, otherwise="The bundle says nothing of its training."),
        "## Label\n\n"
        f"Version {config.label_version} of the label's definition. A changed definition is a new version, and "
        "figures of different versions do not compare.",
        *_repairs(config),
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


def _evaluation(numbers: Mapping[str, float]) -> str:
    """Every figure, with the ends of its 95 % interval where it has one."""
    if not numbers:
        return "## Evaluation\n\nThe evaluation holds no single figures."
    rows = [
        f"| {_cell(name)} | {_shown(value)} | {_interval(numbers, name)} |"
        for name, value in sorted(numbers.items())
        if not any(name == f"{other}{end}" for other in numbers for end in _ENDS)
    ]
    return "\n".join(["## Evaluation", "", "| | | 95 % interval |", "|---|---|---|", *rows])


def _interval(numbers: Mapping[str, float], name: str) -> str:
    ends = [numbers[f"{name}{end}"] for end in _ENDS if f"{name}{end}" in numbers]
    return " to ".join(_shown(value) for value in ends)


def _data(config: BundleConfig, evaluation: Mapping[str, Any]) -> str:
    label = ", ".join(f"{name} {_cell(value)}" for name, value in sorted(config.label.items()))
    told = [f"The label is the {label}." if label else "", _judged_on(evaluation)]
    return f"## Data\n\n{' '.join(filter(None, told)) or 'The bundle says nothing of its data.'}"


def _judged_on(evaluation: Mapping[str, Any]) -> str:
    number = evaluation.get("num_labelled")
    return f"It was judged on {number:,} examples that it had not seen." if isinstance(number, int) else ""


def _baseline(baseline: Any) -> list[str]:
    """What a cheap model reaches on the same examples; nothing where there is none."""
    cheap = baseline.get("cheap_model") if isinstance(baseline, Mapping) else None
    if not isinstance(cheap, Mapping):
        return []
    figures = [_shown(cheap.get(name)) for name in ("baseline", "difference", "low", "high")]
    name, metric = _cell(cheap.get("name")), _cell(baseline.get("metric"))
    return [
        f"## Beside a cheap model\n\n{name} reaches {metric} {figures[0]} on "
        f"the same examples: this model less that is {figures[1]}"
        + ("." if cheap.get("low") is None else f" (95 % interval {figures[2]} to {figures[3]}).")
    ]


def _groups(summary: AnalysisSummary) -> list[str]:
    if not summary.groups:
        return []
    rows = [
        f"| {_cell(item.column)} | {_cell(item.group)} | {_cell(item.measure)} | {item.num_examples} | "
        f"{_figure(item.value)} | {_figure(item.low)} to {_figure(item.high)} |"
        for item in summary.groups
    ]
    head = "| column | group | measure | examples | value | 95 % interval |\n|---|---|---|---|---|---|"
    return ["\n".join(["## Groups", "", head, *rows])]


def _weaknesses(summary: AnalysisSummary) -> list[str]:
    known = [item for item in summary.weaknesses if item.check != _CHAMPION]
    told = [f"- {_cell(item.sentence)}" + (f": {_cell(item.remedy)}" if item.remedy else "") for item in known]
    unseen = [f"- {_cell(sentence)}" for sentence in summary.cannot_see]
    parts = ["## Known weaknesses\n\n" + ("\n".join(told) or "The analysis found none.")]
    return [*parts, "## What the analysis cannot see\n\n" + "\n".join(unseen)] if unseen else parts


def _figure(value: float | None) -> str:
    return "–" if value is None else _shown(value)


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
        "## Intended use\n\n"
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
    """A value as plain text in Markdown: it begins no link, code, emphasis or tag, and ends no cell."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(str(value).split()))
