"""The report on errors: what to do first, the share of each cause, groups of errors, and errors with their evidence."""

from collections.abc import Sequence
import io

import numpy as np
from PIL import Image

from components.model_analysis.error_causes.analysed_errors import AnalysedError, ErrorAnalysis
from components.model_analysis.error_causes.cause_names import CAUSES, REMEDIES
from components.modeling.images.thumbnails import thumbnail
from components.reporting.page import Cell, Picture, Report

_MAX_ID = 40
_MAX_EVIDENCE = 300
_HEAT = np.array([230, 60, 30], np.float64)
_CANNOT_SEE = (
    "A suspected cause is a suspicion: look at the examples before acting. The interval says what other test examples "
    "would show, not how often the suspicion is right."
)


def error_report(analysis: ErrorAnalysis) -> Report:
    """Build the report; photos show where the model looked in red."""
    report = Report(
        "Error analysis",
        subtitle=f"{analysis.num_errors:,} of {analysis.num_examples:,} labelled test examples are answered wrongly",
    )
    report.paragraph(_sentence(analysis.summary))
    if not analysis.errors:
        return report
    _add_shares(report, analysis)
    _add_groups(report, analysis)
    shown = [error for error in analysis.errors if error.shown]
    for cause, words in CAUSES.items():
        _add_errors(report, words, [error for error in shown if error.causes.first.cause == cause], analysis.modality)
    report.heading("What was compared")
    for remark in analysis.remarks:
        report.paragraph(_sentence(remark))
    return report


def _add_shares(report: Report, analysis: ErrorAnalysis) -> None:
    report.table(
        ["suspected cause", "errors", "share", "95 % interval", "what to do"],
        [
            [
                CAUSES[share.cause],
                share.num_errors,
                f"{share.share:.0%}",
                f"{share.low:.0%} to {share.high:.0%}",
                REMEDIES[share.cause],
            ]
            for share in analysis.shares
        ],
        caption=_CANNOT_SEE,
    )


def _add_groups(report: Report, analysis: ErrorAnalysis) -> None:
    if not analysis.clusters:
        return
    report.heading("What errors have in common")
    report.table(
        ["trait", "errors", "of all errors", "of all held-out examples"],
        [
            [group.words, group.num_with_trait, f"{group.share_of_errors:.0%}", f"{group.share_of_usual:.0%}"]
            for group in analysis.clusters
        ],
        caption="Traits that are more frequent among errors than chance gives, the plainest first.",
    )


def _add_errors(report: Report, words: str, errors: Sequence[AnalysedError], modality: str) -> None:
    if not errors:
        return
    report.heading(words[0].upper() + words[1:])
    if modality == "image":
        report.gallery([_picture(error) for error in errors], caption="Red: what the wrong class hangs on.")
    report.table(
        ["example", "label", "predicted", "evidence", "nearest training examples", *_shown_columns(modality)],
        [[*_known(error), *_shown(error, modality)] for error in errors],
    )


def _known(error: AnalysedError) -> list[Cell]:
    nearest = ", ".join(f"{_end(name)} ({label})" for name, label, _ in error.nearest)
    evidence = f"{error.causes.first.evidence} ({error.causes.first.weight:.2f})"
    label = f"{error.label} ({error.label_source})" if error.label_source else error.label
    return [
        _end(error.example_id),
        label,
        f"{error.predicted} {error.probability:.3f}",
        evidence[:_MAX_EVIDENCE],
        nearest,
    ]


def _shown_columns(modality: str) -> list[str]:
    return {"image": [], "text": ["text", "words that moved it"], "tabular": ["columns that moved it"]}[modality]


def _shown(error: AnalysedError, modality: str) -> list[Cell]:
    moved = ", ".join(f"{name} {fall:.2f}" for name, fall in error.influence or ())
    if modality == "text":
        return [str(error.shown["text"]), moved]
    if modality == "tabular":
        return [
            ", ".join(f"{name} = {_plain(error.shown.get(name))}: {fall:.2f}" for name, fall in error.influence or ())
        ]
    return []


def _plain(value: object) -> str:
    return "…" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)[:40]


def _picture(error: AnalysedError) -> Picture:
    data = thumbnail(error.shown["image"])
    return Picture(
        data=data if error.saliency is None else _heated(data, error.saliency),
        caption=f"{error.label} → {error.predicted} {error.probability:.3f} · {_end(error.example_id)}",
        alternative=f"example {error.example_id} labelled {error.label}, predicted {error.predicted}",
        tone="bad",
    )


def _heated(data: bytes, saliency: np.ndarray) -> bytes:
    """A thumbnail with what the answer hangs on in red."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    heat = Image.fromarray((saliency * 255).astype(np.uint8)).resize(image.size, Image.Resampling.BICUBIC)
    share = np.asarray(heat, np.float64)[..., None] / 255 * 0.55
    mixed = np.asarray(image, np.float64) * (1 - share) + _HEAT * share
    buffer = io.BytesIO()
    Image.fromarray(mixed.astype(np.uint8)).save(buffer, format="JPEG", quality=80)
    return buffer.getvalue()


def _end(name: str) -> str:
    return name if len(name) <= _MAX_ID else f"…{name[1 - _MAX_ID :]}"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
