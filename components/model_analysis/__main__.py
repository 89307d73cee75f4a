"""Model analysis by hand: `python -m components.model_analysis --help`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from components.model_analysis.jobs.analyse_errors import analyse_errors
from components.model_analysis.jobs.assess_fairness import assess_fairness
from components.model_analysis.jobs.assess_language_bias import assess_language_bias
from components.model_analysis.jobs.compare_with_champion import compare_with_champion
from components.model_analysis.jobs.evaluate_model import evaluate_model
from components.model_analysis.jobs.find_weak_slices import find_weak_slices
from components.model_analysis.jobs.merge_labels import merge_corrected_labels
from components.model_analysis.jobs.rank_label_errors import rank_label_errors as rank_labels
from components.model_analysis.jobs.score_examples import (
    CHANGED_LABELS_FILE,
    FAILED_REPAIRS_FILE,
    METRICS_FILE,
    score_examples,
    UNREADABLE_FILE,
)
from components.model_analysis.scoring.resumable import PREDICTIONS
from components.model_analysis.scoring.table_columns import TableHints
from components.model_analysis.slices.weak_slices import MIN_EXAMPLES, SearchSettings
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.contracts.problem import Problem, read_problem
from components.shared.contracts.target_spec import TargetSpec
from components.shared.runtime import command_line
from components.shared.runtime.settings import read_settings, settings_from

app = typer.Typer(
    help="Evaluate a model on held-out examples, compare it and its groups, score examples, or ask it about people.",
    no_args_is_help=True,
)

ModelDir = Annotated[Path, typer.Option(help="A model bundle.")]
Output = Annotated[Path, typer.Option(help="Folder to write.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
ProblemFile = Annotated[Path | None, typer.Option(help="Problem file, whose target is asked; options go before it.")]


@app.command()
def evaluate(
    examples: Annotated[Path, typer.Option(help="An example table of the model's modality.")],
    model_dir: ModelDir,
    output: Output,
    target_metric: Annotated[str | None, typer.Option(help="What the model is judged by; accuracy by default.")] = None,
    target_minimum: Annotated[float | None, typer.Option(help="What it must reach, 0 to 1.")] = None,
    target_maximum: Annotated[float | None, typer.Option(help="What an error, rmse or mae, may be.")] = None,
    problem: ProblemFile = None,
    device: Device = "auto",
) -> None:
    """Evaluate a model on the validation and test splits; exits 1 when it misses its target."""
    result = evaluate_model(
        examples_path=examples,
        model_path=model_dir,
        target=_target(problem, metric=target_metric, minimum=target_minimum, maximum=target_maximum),
        predictions_path=output / PREDICTIONS,
        evaluation_path=output / "evaluation.json",
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / METRICS_FILE,
        classification_metrics_path=output / "classification_metrics.json",
        device=device,
    )
    typer.echo(f"report: {output / 'report.html'}")
    if not result.passed:
        raise typer.Exit(command_line.FAILED_CHECK)


@app.command()
def compare(
    examples: Annotated[Path, typer.Option(help="The example table that the model was evaluated on.")],
    predictions: Annotated[Path, typer.Option(help="Its predictions table, as evaluate wrote it.")],
    model_name: Annotated[str, typer.Option(help="Name of the model whose champion it is held against.")],
    model_root: Annotated[str, typer.Option(help="Where releases live: a folder, or a URI such as s3://models.")],
    output: Output,
    target_metric: Annotated[str | None, typer.Option(help="What both are compared in; accuracy by default.")] = None,
    margin: Annotated[float | None, typer.Option(help="How much worse is allowed; 0.01 by default.")] = None,
    strict: Annotated[bool | None, typer.Option(help="Whether it must be shown to be no worse.")] = None,
    problem: ProblemFile = None,
    device: Device = "auto",
) -> None:
    """Compare a scored model with the champion on the same test examples; exits 1 when it is worse."""
    result = compare_with_champion(
        examples_path=examples,
        predictions_path=predictions,
        model_name=model_name,
        model_root=model_root,
        target=_target(problem, metric=target_metric, margin=margin, strict=strict),
        comparison_path=output / "comparison.json",
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / METRICS_FILE,
        device=device,
    )
    typer.echo(result.reason)
    typer.echo(f"report: {output / 'report.html'}")
    if not result.passed:
        raise typer.Exit(command_line.FAILED_CHECK)


@app.command()
def score(
    model_dir: Annotated[str, typer.Option(help="A model bundle: a folder or a URI.")],
    source: Annotated[
        str,
        typer.Option(
            help="An example table, or a CSV, TSV or Parquet table; for images also a folder of photos, or one image; "
            "a path or a URI."
        ),
    ],
    output: Annotated[str, typer.Option(help="Folder or URI to write; a try that was stopped goes on there.")],
    image_column: Annotated[str | None, typer.Option(help="Table column with images or their paths.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Table column with texts.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Table column with labels.")] = None,
    problem: Annotated[
        Path | None, typer.Option(help="Problem file: how a table is read, and what its label is.")
    ] = None,
    dropout_passes: Annotated[
        int, typer.Option(help="Answers with dropout, for the column mutual_information; 0 for none.")
    ] = 0,
    device: Device = "auto",
) -> None:
    """Score any examples with a model: a predictions table, and metrics where labels are known."""
    if image_column is not None and text_column is not None:
        raise ValueError("a model reads images or texts: give --image-column or --text-column, not both")
    hints = TableHints(
        payload=image_column or text_column,
        label=label_column,
        problem=Problem() if problem is None else read_problem(problem),
    )
    result = score_examples(
        source=source,
        model_path=model_dir,
        output_path=output,
        hints=hints,
        device=device,
        dropout_passes=dropout_passes,
    )
    typer.echo(f"scored {result.num_examples:,} examples: {output}/{PREDICTIONS}")
    if result.num_unreadable:
        typer.echo(f"not readable: {result.num_unreadable:,}, listed in {output}/{UNREADABLE_FILE}")
    if result.changed_labels:
        typer.echo(
            f"labelled by the topmost folder, no longer by the nearest: {len(result.changed_labels):,}, listed in "
            f"{output}/{CHANGED_LABELS_FILE}"
        )
    if result.failed_repairs:
        typer.echo(f"some values could not be repaired and count as missing, see {output}/{FAILED_REPAIRS_FILE}")
    if result.num_unknown_label:
        typer.echo(f"left out of the metrics: {result.num_unknown_label:,} with a label that the model does not know")
    if result.num_labelled:
        typer.echo(
            f"{result.main_metric} {result.metrics[result.main_metric]:.4f} on {result.num_labelled:,} labelled "
            f"examples: {output}/{METRICS_FILE}"
        )
    else:
        typer.echo(
            "no label is known: give a table with labels (--label-column, --problem), or name folders or files of "
            "images after the model's classes"
        )


@app.command()
def language_bias(
    model_dir: Annotated[Path, typer.Option(help="A bundle that classifies texts, or a Hugging Face language model.")],
    output: Output,
    settings: Annotated[Path | None, typer.Option(help="What is asked and refused: YAML or JSON.")] = None,
    device: Device = "auto",
) -> None:
    """Ask a text model about people, in Korean and English; exits 1 when it treats some otherwise than others."""
    asked = LanguageBiasSettings()
    if settings is not None:
        asked = read_settings(LanguageBiasSettings, settings, what="the settings of language bias")
    result = assess_language_bias(
        model_path=model_dir,
        settings=asked,
        measures_path=output / "language_bias.json",
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / METRICS_FILE,
        device=device,
    )
    typer.echo(f"{result.reason}\nreport: {output / 'report.html'}")
    if not result.passed:
        raise typer.Exit(command_line.FAILED_CHECK)


@app.command()
def fairness(
    examples: Annotated[Path, typer.Option(help="The example table that the model was evaluated on.")],
    predictions: Annotated[Path, typer.Option(help="Its predictions table, as evaluate wrote it.")],
    output: Output,
    metric: Annotated[str | None, typer.Option(help="What limits hold, such as true_positive_rate.")] = None,
    max_difference: Annotated[float | None, typer.Option(help="How far groups may lie apart.")] = None,
    min_ratio: Annotated[float | None, typer.Option(help="Smallest share of the largest group's value.")] = None,
    min_group_size: Annotated[int | None, typer.Option(help="Test examples a group needs; by default 100.")] = None,
    problem: ProblemFile = None,
) -> None:
    """Compare how a scored model treats groups of the sensitive columns; exits 1 where it breaks a limit."""
    asked = Problem() if problem is None else read_problem(problem)
    given = {
        "metric": metric,
        "max_difference": max_difference,
        "min_ratio": min_ratio,
        "min_group_size": min_group_size,
    }
    said = asdict(asked.fairness) | {name: value for name, value in given.items() if value is not None}
    result = assess_fairness(
        examples_path=examples,
        predictions_path=predictions,
        target=asked.target,
        fairness=settings_from(FairnessSpec, said, key="fairness"),
        measures_path=output / "fairness.json",
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / METRICS_FILE,
    )
    typer.echo(f"{result.reason}\nreport: {output / 'report.html'}")
    if not result.passed:
        raise typer.Exit(command_line.FAILED_CHECK)


def _target(problem: Path | None, **given: object) -> TargetSpec:
    """The problem file's target with what the command line says."""
    said = asdict(Problem().target if problem is None else read_problem(problem).target)
    said |= {name: value for name, value in given.items() if value is not None}
    return settings_from(TargetSpec, said, key="target")


@app.command()
def weak_slices(
    examples: Annotated[Path, typer.Option(help="The example table that the model was evaluated on.")],
    predictions: Annotated[Path, typer.Option(help="Its predictions table, as evaluate or score wrote it.")],
    output: Output,
    max_conditions: Annotated[int, typer.Option(help="How many conditions a slice may have, 1 to 3.")] = 3,
    min_examples: Annotated[int, typer.Option(help="Slices of fewer examples are not looked at.")] = MIN_EXAMPLES,
    error: Annotated[str, typer.Option(help="Of a number: absolute or squared.")] = "absolute",
) -> None:
    """Find slices of the held-out examples on which a scored model errs more than elsewhere."""
    result = find_weak_slices(
        examples_path=examples,
        predictions_path=predictions,
        slices_path=output / "weak_slices.json",
        report_path=output / "report.html",
        metrics_path=output / METRICS_FILE,
        error=error,  # type: ignore[arg-type]
        settings=SearchSettings(max_conditions=max_conditions, min_examples=min_examples),
    )
    typer.echo(f"{result.summary}\nreport: {output / 'report.html'}")


@app.command()
def rank_label_errors(
    examples: Annotated[Path, typer.Option(help="The example table that the model was evaluated on.")],
    predictions: Annotated[Path, typer.Option(help="Its predictions table, as evaluate wrote it.")],
    model_dir: ModelDir,
    output: Output,
    audit: Annotated[str, typer.Option(help="An audit.csv of this command that a person filled in.")] = "",
    max_training_rows: Annotated[int | None, typer.Option(help="Training examples looked at; 0 for none.")] = None,
    device: Device = "auto",
) -> None:
    """Rank labels by how suspicious they are, as a list to correct; a filled-in audit gives the share of wrong ones."""
    result = rank_labels(
        examples_path=examples,
        predictions_path=predictions,
        model_path=model_dir,
        label_errors_path=output / "label_errors.json",
        queue_path=output / "corrections.csv",
        audit_sample_path=output / "audit.csv",
        report_path=output / "report.html",
        metrics_path=output / METRICS_FILE,
        audit=audit,
        max_training_rows=max_training_rows,
        device=device,
    )
    typer.echo(f"suspected: {result.num_suspected:,} of {result.num_ranked:,} labels; {output / 'corrections.csv'}")
    if result.share is None:
        typer.echo(f"how many are wrong: fill in {output / 'audit.csv'} and give it as --audit")
    else:
        share = result.share
        typer.echo(f"wrong: {share.share:.1%}, {share.low:.1%} to {share.high:.1%} with 95 % confidence")
    typer.echo(f"report: {output / 'report.html'}")


@app.command()
def merge_labels(
    examples: Annotated[Path, typer.Option(help="The example table; it stays as it is.")],
    corrections: Annotated[str, typer.Option(help="A corrections.csv or audit.csv that people filled in.")],
    output: Annotated[Path, typer.Option(help="Folder of the new example table.")],
    predictions: Annotated[Path | None, typer.Option(help="A predictions table, judged by both labels.")] = None,
) -> None:
    """Merge corrected labels into a new version of an example table, with the accuracy before and after."""
    result = merge_corrected_labels(
        examples_path=examples, corrections=corrections, output_path=output, predictions_path=predictions
    )
    merged, accuracy = result.merged, result.accuracy
    typer.echo(f"changed {merged.num_changed:,}, removed {merged.num_removed:,}, confirmed {merged.num_confirmed:,}")
    if accuracy is not None and accuracy.num_examples:
        typer.echo(
            f"accuracy on {accuracy.num_examples:,} test examples: {accuracy.champion:.4f} before, "
            f"{accuracy.challenger:.4f} after; difference {accuracy.difference:+.4f}, {accuracy.low:+.4f} to "
            f"{accuracy.high:+.4f} with 95 % confidence\nonly labels that were looked at could change: where "
            f"these were the suspected ones, the new accuracy is too high rather than too low"
        )
    typer.echo(f"new example table: {output}")


@app.command()
def errors(
    examples: Annotated[Path, typer.Option(help="The example table that the model was evaluated on.")],
    predictions: Annotated[Path, typer.Option(help="Its predictions table, as evaluate wrote it.")],
    model_dir: ModelDir,
    output: Output,
    device: Device = "auto",
) -> None:
    """Say of each wrong test prediction which cause is suspected: label, processing, input, data or model."""
    result = analyse_errors(
        examples_path=examples,
        predictions_path=predictions,
        model_path=model_dir,
        analysis_path=output / "errors.json",
        list_path=output / "errors.csv",
        report_path=output / "report.html",
        metrics_path=output / METRICS_FILE,
        device=device,
    )
    typer.echo(f"{result.summary}\nreport: {output / 'report.html'}\nerrors: {output / 'errors.csv'}")


if __name__ == "__main__":
    command_line.run(app)
