"""What a decision about labels by a model means: a verdict that stops nothing, figures, and all evidence as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from components.active_learning.pseudo_labels.guard import Decision
from components.active_learning.pseudo_labels.judged_pool import JudgedPool
from components.active_learning.pseudo_labels.noise_rate import NoiseRate
from components.shared.contracts.verdict import Finding, Verdict
from components.shared.runtime.json_values import without_nan

FORMAT_VERSION = 1


def pseudo_label_verdict(found: JudgedPool, noise: NoiseRate) -> Verdict:
    """A refusal is a result: the verdict passes, and says it."""
    remarks = [
        f"{len(found.pool.ids):,} of {found.pool.num_all:,} scored rows of the pool were looked at",
        f"judged by {len(found.train.ids):,} training and {len(found.held_out.ids):,} validation labels of people",
        f"second view: {found.second_view}",
        _noise_in_words(noise),
    ]
    findings: tuple[Finding, ...] = ()
    if found.decision.admitted is None:
        findings = (
            Finding(
                kind="quality",
                severity="note",
                message=found.decision.reason,
                name="pseudo_labels_refused",
                remedy="let people label more examples",
            ),
        )
    return Verdict(
        check="pseudo_labels", passed=True, reason=found.decision.reason, findings=findings, remarks=tuple(remarks)
    )


def _noise_in_words(noise: NoiseRate) -> str:
    if not noise.is_known:
        return "how many such labels are wrong is unknown: no row drawn at random of the pool was labelled by people"
    return (
        f"of {noise.num_audited:,} rows drawn at random that are as sure, {noise.num_wrong:,} are wrong: "
        f"{noise.share:.1%}, {noise.low:.1%} to {noise.high:.1%} with 95 % confidence"
    )


def pseudo_label_metrics(found: JudgedPool, noise: NoiseRate) -> dict[str, float]:
    """What the KFP UI shows: counts, the best gain on people's unseen labels, and the noise rate where it is known."""
    admitted = found.decision.admitted
    metrics = {
        "num_pseudo_labels": 0.0 if admitted is None else float(len(admitted.rows)),
        "num_pool_rows": float(len(found.pool.ids)),
        "temperature": found.temperature,
    }
    best = max(found.decision.trainings, key=lambda item: item.people.difference, default=None)
    if best is not None:
        metrics |= {"gain_on_people": best.people.difference, "gain_on_people_low": best.people.low}
    if noise.is_known:
        metrics |= {"noise_rate": noise.share, "noise_rate_low": noise.low, "noise_rate_high": noise.high}
    return metrics


def evidence_json(found: JudgedPool, rates: Sequence[NoiseRate], class_names: Sequence[str]) -> dict[str, Any]:
    """All figures as JSON values."""
    decision = found.decision
    return {
        "format_version": FORMAT_VERSION,
        "is_admitted": decision.admitted is not None,
        "reason": decision.reason,
        "num_by_class": labels_by_class(decision, class_names),
        "labels_by_people": {"train": len(found.train.ids), "validation": len(found.held_out.ids)},
        "pool": {"scored": found.pool.num_all, "known": found.pool.num_known, "looked_at": len(found.pool.ids)},
        "second_view": found.second_view,
        "temperature": found.temperature,
        "thresholds": without_nan(dict(zip(class_names, found.thresholds.tolist(), strict=True))),
        "calibration": {"before": without_nan(asdict(found.before)), "after": without_nan(asdict(found.after))},
        "trainings": [_flat(asdict(item)) for item in decision.trainings],
        "harm_checks": [_flat(asdict(item)) for item in decision.checks],
        "noise_rates": [without_nan(asdict(rate)) for rate in rates],
    }


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    people = without_nan(values.pop("people"))
    values.pop("label_gains", None)
    return {**without_nan(values), "people": people}


def labels_by_class(decision: Decision, class_names: Sequence[str]) -> dict[str, int]:
    """How many labels of each class are admitted."""
    counts = np.zeros(len(class_names), np.int64)
    if decision.admitted is not None:
        counts = np.bincount(decision.admitted.classes, minlength=len(class_names))
    return dict(zip(class_names, counts.tolist(), strict=True))
