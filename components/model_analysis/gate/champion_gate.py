"""Whether a model may take the champion's place: what the comparison of the two says, in sentences."""

from dataclasses import dataclass
import math

from components.model_analysis.gate.champion_comparison import ChampionComparison, Compared, OVERALL
from components.shared.contracts.target_spec import ERROR_METRICS, TargetSpec
from components.shared.contracts.verdict import Finding, Verdict

CHECK = "champion"
_MAX_NAMED = 10
_REMEDY = "look at the examples that only the champion answers right and train again, or raise target.margin"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedRows:
    """Which labelled test examples were compared, and which were not.

    Attributes
    ----------
    num_compared
        Examples that people labelled, that both models answered, and that the champion was not fitted to.
    num_trained_on, num_validated_on
        Left out: examples that the champion was trained on, or chosen by.
    num_only_one
        Left out: examples that only one of the two could answer.
    num_by_machines
        Left out: examples that a model or a rule labelled.
    num_unknown
        Compared, though it is not known whether the champion was trained on them.
    """

    num_compared: int
    num_trained_on: int = 0
    num_validated_on: int = 0
    num_only_one: int = 0
    num_by_machines: int = 0
    num_unknown: int = 0

    def remarks(self) -> tuple[str, ...]:
        """What was left out, a sentence each."""
        said = {
            "the champion was trained on were left out": self.num_trained_on,
            "the champion was chosen by, in its validation split, were left out": self.num_validated_on,
            "only one of the two models could answer were left out": self.num_only_one,
            "a model or a rule labelled were left out": self.num_by_machines,
            "the champion may have been trained on were compared: its bundle or the table does not say": (
                self.num_unknown
            ),
        }
        return tuple(f"{count:,} test examples that {what}" for what, count in said.items() if count)


def no_baseline(why: str) -> Verdict:
    """The verdict where there is no champion to compare with; `why`: a clause."""
    return Verdict(
        check=CHECK,
        passed=True,
        reason=f"no baseline: {why}, so the absolute target and the cheap model decide",
        findings=(Finding(kind="quality", severity="note", message=f"no baseline: {why}", name="no_baseline"),),
    )


def nothing_to_compare(rows: ComparedRows, champion: str) -> Verdict:
    """The verdict where not one test example is left."""
    fitted = rows.num_trained_on + rows.num_validated_on
    why = "the test split holds no example that people labelled and both models answered: label examples of it"
    if fitted:
        why = (
            f"the champion {champion} was fitted to all {fitted:,} labelled test examples: ingest again with "
            "split.like naming the champion's release, so that both are judged on examples that neither has seen"
        )
    reason = f"nothing to compare: {why}"
    return Verdict(
        check=CHECK,
        passed=False,
        reason=reason,
        findings=(Finding(kind="quality", severity="blocking", message=reason, name="nothing_to_compare"),),
        outcome="insufficient_sample",
        remarks=rows.remarks(),
    )


def judge_against_champion(
    comparison: ChampionComparison, target: TargetSpec, *, champion: str, rows: ComparedRows
) -> Verdict:
    """Decide whether the challenger may take the champion's place.

    It is refused where it is worse by more than chance (one-sided, 5 %, Holm over overall and all judged slices) and by
    more than the margin; with `target.strict` also where the interval of the overall difference reaches beyond the
    margin.

    Parameters
    ----------
    champion
        Its version.
    rows
        What was compared, and what was left out.
    """
    refused, overall = comparison.refused(), comparison.overall
    unproven = target.strict and not refused and not overall.is_non_inferior
    if math.isnan(overall.found.difference):
        return _undefined(comparison, champion, rows)
    blocking = [_worse(item, comparison.metric, champion) for item in refused]
    blocking += [_unproven(overall, comparison.metric, champion)] if unproven else []
    more = f" (and on {len(blocking) - 1} more)" if len(blocking) > 1 else ""
    passed = not blocking
    reason = (
        _no_worse(overall, comparison.metric, champion)
        if passed
        else f"{blocking[0].message}{more}: {_remedy(unproven)}"
    )
    return Verdict(
        check=CHECK,
        passed=passed,
        reason=reason,
        findings=(*blocking, *_within_margin(comparison, champion), *_too_small(comparison)),
        outcome="insufficient_sample" if unproven else "passed" if passed else "blocked",
        remarks=(_power(overall, comparison.metric), *rows.remarks()),
    )


def _remedy(unproven: bool) -> str:
    return "label more test examples, or allow more with target.margin" if unproven else _REMEDY


def _place(item: Compared) -> str:
    on = f"on {item.found.num_examples:,} test examples"
    return on if item.name == OVERALL else f"{on} of the slice {item.name}"


def _described(item: Compared, metric: str, champion: str) -> str:
    found = item.found
    worse = "above" if metric in ERROR_METRICS else "below"
    better = "below" if metric in ERROR_METRICS else "above"
    relation = f"{abs(found.difference):.4g} {worse if found.difference < 0 else better}"
    if not found.difference:
        relation = "as good as"
    return (
        f"{metric} {found.challenger:.4g} {_place(item)} is {relation} that of the champion {champion}, "
        f"{found.champion:.4g} (95 % interval of the difference {found.low:+.4f} to {found.high:+.4f})"
    )


def _worse(item: Compared, metric: str, champion: str) -> Finding:
    return _finding(
        item,
        metric,
        severity="blocking",
        name="worse_than_champion",
        message=f"{_described(item, metric, champion)}, worse by more than chance and the margin {item.margin:.4g}",
        remedy=_REMEDY,
    )


def _unproven(item: Compared, metric: str, champion: str) -> Finding:
    return _finding(
        item,
        metric,
        severity="blocking",
        name="not_shown_to_be_as_good",
        message=f"{_described(item, metric, champion)}, not shown to be within the margin {item.margin:.4g}",
        remedy=_remedy(True),
    )


def _within_margin(comparison: ChampionComparison, champion: str) -> tuple[Finding, ...]:
    weak = [item for item in (comparison.overall, *comparison.slices) if item.is_significant and not item.is_refused]
    return tuple(
        _finding(
            item,
            comparison.metric,
            severity="warning",
            name="worse_within_margin",
            message=f"{_described(item, comparison.metric, champion)}, worse by more than chance, within the margin",
            remedy="",
        )
        for item in weak
    )


def _finding(item: Compared, metric: str, *, severity: str, name: str, message: str, remedy: str) -> Finding:
    return Finding(
        kind="quality",
        severity=severity,  # type: ignore[arg-type]
        message=message,
        name=name,
        statistic=metric,
        value=item.found.challenger,
        threshold=item.found.champion,
        remedy=remedy,
        num_reference=item.found.num_examples,
        num_current=item.found.num_examples,
        effect="difference",
        effect_size=item.found.difference,
        p_value=item.adjusted_p if math.isfinite(item.adjusted_p) else None,
        significant=item.is_significant,
        material=item.found.difference < -item.margin,
    )


def _too_small(comparison: ChampionComparison) -> tuple[Finding, ...]:
    if not comparison.too_small:
        return ()
    named = [f"{name} ({count:,})" for name, count in list(comparison.too_small.items())[:_MAX_NAMED]]
    more = len(comparison.too_small) - len(named)
    listed = ", ".join(named) + (f" and {more} more" if more else "")
    message = f"too small to judge, with their test examples: {listed}"
    return (Finding(kind="quality", severity="note", message=message, name="too_small_to_judge"),)


def _no_worse(item: Compared, metric: str, champion: str) -> str:
    return f"no worse than the champion: {_described(item, metric, champion)}"


def _power(item: Compared, metric: str) -> str:
    return (
        f"the smallest loss of {metric} that is found in 80 % of the cases on {item.found.num_examples:,} test "
        f"examples is {item.detectable:.4g}"
    )


def _undefined(comparison: ChampionComparison, champion: str, rows: ComparedRows) -> Verdict:
    reason = (
        f"nothing to compare: {comparison.metric} is undefined on {rows.num_compared:,} test examples for the "
        f"challenger or the champion {champion}: add test examples of every class, or choose another target.metric"
    )
    return Verdict(
        check=CHECK,
        passed=False,
        reason=reason,
        findings=(Finding(kind="quality", severity="blocking", message=reason, name="nothing_to_compare"),),
        outcome="insufficient_sample",
        remarks=rows.remarks(),
    )
