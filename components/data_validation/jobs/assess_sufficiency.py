"""Sufficiency's job: an example table in; a verdict, a report and metrics out, before any training."""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from pathlib import Path

from components.data_validation.sufficiency.assessment import Sufficiency, sufficiency
from components.data_validation.sufficiency.probe_features import probe_features
from components.data_validation.sufficiency.probe_sample import draw_probe_sample
from components.data_validation.sufficiency.sufficiency_report import sufficiency_report
from components.data_validation.sufficiency.sufficiency_verdict import sufficiency_verdict
from components.data_validation.tables.prepared_table import open_prepared
from components.data_validation.tables.raw_examples import RawExamples
from components.shared.contracts.embeddings_table import EmbeddingsTable
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.problem import Problem
from components.shared.contracts.target_spec import OPERATING_METRICS, parse_target, TargetSpec
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.atomic_files import write_json


@dataclass(frozen=True, kw_only=True, slots=True)
class SufficiencyResult:
    """What `assess_sufficiency` found.

    Attributes
    ----------
    passed
        Whether the label is predictable from these data.
    outcome
        `passed`, `blocked` or `insufficient_sample`.
    reason
        One sentence that a person can act on.
    metrics
        Figures by name; those that are undefined are absent.
    """

    passed: bool
    outcome: str
    reason: str
    metrics: Mapping[str, float]


def assess_sufficiency(
    *,
    examples_path: str | Path,
    embeddings_path: str | Path | None = None,
    problem: Problem | None = None,
    target: TargetSpec | str = "",
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path | None = None,
    seed: int = 0,
) -> SufficiencyResult:
    """Judge whether an example table can answer its question at all.

    Parameters
    ----------
    examples_path
        The example table, whose training split is read, or any other table, whose rows are all read.
    embeddings_path
        An embeddings table of the same examples, used in place of their payload; None makes simple features.
    problem
        What the problem file says of a table that is no example table.
    target
        What the model is to reach; also as the JSON that `parse_target` reads.
    report_path, verdict_path
        HTML and JSON files to write.
    metrics_path
        JSON file to write: the metrics of the result; None writes none.
    seed
        Of the sample, the folds and the permutations; 0 or more.

    Returns
    -------
    SufficiencyResult
        Data that cannot answer, or are too few to say, are a result with `passed` False, not an error.

    Raises
    ------
    FileNotFoundError
        If a table is not there.
    ValueError
        If a table is damaged or of another version, has no label or feature, the target is none, or the seed is
        negative.
    """
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed!r}")
    asked = parse_target(target) if isinstance(target, str) else target
    table, said = _examples(str(examples_path), problem or Problem())
    asked, of_numbers = _asked(asked, table)
    embeddings = None if embeddings_path is None else EmbeddingsTable(embeddings_path)
    sample = draw_probe_sample(table, seed=seed)
    features = probe_features(table, sample, embeddings=embeddings, seed=seed)
    found = sufficiency(
        features.matrix,
        sample.labels[features.kept],
        class_counts=sample.class_counts,
        target=asked,
        groups=None if sample.groups is None else sample.groups[features.kept],
        seed=seed,
    )
    num_labelled = sum(sample.class_counts.values())
    drawn = len(sample.rows) < num_labelled
    sampled = (
        (f"{len(sample.rows):,} of {num_labelled:,} labelled training rows were drawn to look at",) if drawn else ()
    )
    verdict = sufficiency_verdict(found, remarks=(*said, *of_numbers, *sampled, *features.remarks))
    sufficiency_report(verdict, found, made_of=features.made_of).write(report_path)
    write_verdict(verdict_path, verdict)
    result = _result(verdict, found)
    if metrics_path is not None:
        write_json(metrics_path, result.metrics)
    return result


def _asked(target: TargetSpec, table: ExampleTable | RawExamples) -> tuple[TargetSpec, tuple[str, ...]]:
    """The target, and what is said where ROC AUC stands for it: quarters of a label that is a number; one threshold."""
    is_regression = table.info.task == "regression"
    target = target.for_task(is_regression=is_regression)
    if not is_regression and target.metric not in OPERATING_METRICS:
        return target, ()
    said = (
        f", so the target {target.metric} {target.limit:g} is not extrapolated to" if target.limit is not None else ""
    )
    judged = "the label is a number: what is judged is which quarter of the labels a row is in"
    if not is_regression:
        judged = f"{target.metric} depends on the threshold: what is judged is ROC AUC"
    return TargetSpec(metric="roc_auc"), (f"{judged}{said}",)


def _examples(uri: str, problem: Problem) -> tuple[ExampleTable | RawExamples, tuple[str, ...]]:
    """The examples, and what was recognised of them."""
    table = open_prepared(uri, problem, settled=True)
    if table.info is not None:
        return ExampleTable(uri), ()
    return RawExamples(table), (*table.roles.remarks, *table.remarks)


def _result(verdict: Verdict, found: Sufficiency) -> SufficiencyResult:
    rows = sum(found.class_counts.values())
    metrics = {"num_examples": float(found.num_rows), "num_classes": float(len(found.class_counts))}
    if found.predictability is not None:
        relation = found.predictability
        metrics |= {"probe_roc_auc": relation.score, "null_roc_auc": relation.null_mean, "p_value": relation.p_value}
    if found.curve is not None:
        name, law = found.curve.metric, found.curve.law
        metrics |= {f"{name}_at_{factor}x_data": law.at(factor * rows) for factor in (1, 2, 10)}
    if found.missing is not None:
        metrics["rows_needed_for_target"] = found.missing.rows_needed
    defined = {name: value for name, value in metrics.items() if math.isfinite(value)}
    return SufficiencyResult(passed=verdict.passed, outcome=verdict.outcome, reason=verdict.reason, metrics=defined)
