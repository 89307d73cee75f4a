"""Validation by hand: `python -m components.data_validation --help`."""

from dataclasses import asdict
import os
from pathlib import Path
import shlex
from typing import Annotated, Literal

import typer

from components.shared.contracts.problem import Problem, read_problem
from components.shared.contracts.target_spec import TargetSpec
from components.shared.runtime.command_line import FAILED_CHECK, run
from components.shared.runtime.redaction import masked
from components.shared.runtime.settings import settings_from

# TFDV takes seconds to import: each command imports its job when it runs.
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Say whether data can be trusted before a model sees them. Exits 0 when the check passed, 1 when findings "
    "block, 2 when the input is wrong.",
)
schema_app = typer.Typer(no_args_is_help=True, help="Infer a schema to review, or compare two versions of one.")
app.add_typer(schema_app, name="schema")


def _output_folder(path: Path) -> Path:
    """Refuse at once, before hours of reading, a place that no report can be written to."""
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise NotADirectoryError(f"--output must be a folder, but {existing} is a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(f"--output must be a folder that can be written to, but {existing} cannot")
    return path


def _schema_file(path: Path) -> Path:
    if path.is_dir():
        raise IsADirectoryError(f"--output must be a schema.pbtxt to write, but {path} is a folder")
    _output_folder(path.parent)
    return path


ProblemOption = Annotated[Path | None, typer.Option(help="The problem file; without one everything is recognised.")]
OutputOption = Annotated[Path, typer.Option(help="Folder to write to.", callback=_output_folder)]
SchemaOption = Annotated[Path | None, typer.Option(help="A reviewed schema.pbtxt; without one it is inferred.")]


@app.command()
def compare(
    reference: Annotated[str, typer.Option(help="What a model was trained on: CSV, Parquet or an example table.")],
    current: Annotated[str, typer.Option(help="What there is now, in any of these forms.")],
    output: OutputOption,
    problem: ProblemOption = None,
    current_problem: Annotated[Path | None, typer.Option(help="The current side's problem file, if another.")] = None,
    relation: Annotated[
        Literal["spans", "serving"],
        typer.Option(help="Current is later data (spans), or what is served in the same period (serving)."),
    ] = "spans",
    schema: SchemaOption = None,
    false_alarm_rate: Annotated[float, typer.Option(help="Chance of an alarm without any drift.")] = 0.05,
    material_effect: Annotated[float, typer.Option(help="Share of values that must lie differently to matter.")] = 0.08,
    minimum_sample: Annotated[int, typer.Option(help="Rows that each side must have.")] = 200,
    processes: Annotated[int | None, typer.Option(help="Processes to read with; one a core by default.")] = None,
    seed: Annotated[int, typer.Option(help="Of permutations and samples.")] = 0,
) -> None:
    """Compare two tables: five kinds of change told apart, each alarm calibrated and large enough to matter."""
    from components.data_validation.comparison.dataset_comparison import ComparisonOptions
    from components.data_validation.jobs.compare_tables import compare_tables, ComparisonPaths
    from components.data_validation.schemas.schema_files import read_schema
    from components.drift.drift_settings import DriftSettings

    drift = DriftSettings(
        false_alarm_rate=false_alarm_rate, material_effect=material_effect, min_sample=minimum_sample, seed=seed
    )
    reviewed = None if schema is None else read_schema(schema)
    result = compare_tables(
        reference_uri=reference,
        current_uri=current,
        paths=ComparisonPaths.under(output),
        problem=_problem(problem),
        current_problem=None if current_problem is None else _problem(current_problem),
        options=ComparisonOptions(drift=drift, relation=relation, schema=reviewed),
        num_processes=processes,
    )
    for remark in result.remarks:
        typer.echo(f"  remark    {remark}")
    for finding in result.findings:
        if finding.severity != "note":
            typer.echo(f"  {finding.severity:<9} {finding.kind:<12} {finding.message}")
    _conclude(result.outcome, result.reason, output)


@app.command()
def statistics(
    table: Annotated[str, typer.Option(help="CSV, Parquet or an example table.")],
    output: OutputOption,
    problem: ProblemOption = None,
    slices: Annotated[list[str] | None, typer.Option("--slice", help="A column to slice by; may be repeated.")] = None,
    processes: Annotated[int | None, typer.Option(help="Processes to read with; one a core by default.")] = None,
    beam: Annotated[str | None, typer.Option(help="Beam's options in one text, --runner=FlinkRunner ... .")] = None,
    beam_output: Annotated[str | None, typer.Option(help="Folder or URI that Beam's workers can write to.")] = None,
) -> None:
    """Compute TFDV's statistics of a table, and of its slices; past one machine on an Apache Beam runner."""
    from components.data_validation.jobs.compute_statistics import compute_statistics

    result = compute_statistics(
        table_uri=table,
        output_path=output,
        problem=_problem(problem),
        slices=slices or (),
        num_processes=processes,
        beam_options=None if beam is None else shlex.split(beam),
        beam_output_uri=beam_output,
    )
    typer.echo(f"{result.num_rows:,} rows, {result.num_columns} columns, {result.num_slices} slices")
    for remark in result.remarks:
        typer.echo(f"  {remark}")
    typer.echo(f"statistics: {result.statistics_file}")
    typer.echo(f"report: {result.report_file}")


@schema_app.command("infer")
def schema_infer(
    table: Annotated[str, typer.Option(help="CSV, Parquet or an example table.")],
    output: Annotated[Path, typer.Option(help="The schema.pbtxt to write, for review.", callback=_schema_file)],
    problem: ProblemOption = None,
) -> None:
    """Infer a schema from a table; review it, and keep it with your code."""
    from components.data_validation.jobs.infer_table_schema import infer_table_schema

    num_columns = infer_table_schema(table_uri=table, output_path=output, problem=_problem(problem))
    typer.echo(f"a schema of {num_columns} columns: {output}")


@schema_app.command("diff")
def schema_diff(
    old: Annotated[Path, typer.Option(help="The schema.pbtxt that is in use.")],
    new: Annotated[Path, typer.Option(help="The one that is to replace it.")],
    output: Annotated[Path | None, typer.Option(help="Folder for a report; without one it is printed only.")] = None,
) -> None:
    """Say what changed between two schemas, and what of it breaks data or models. Exits 1 where something breaks."""
    from components.data_validation.jobs.diff_schema_files import diff_schema_files

    result = diff_schema_files(old_path=old, new_path=new, output_path=output)
    typer.echo(masked(result.table))
    if result.breaking:
        raise typer.Exit(FAILED_CHECK)


@schema_app.command("evolve")
def schema_evolve(
    schema: Annotated[Path, typer.Option(help="The schema.pbtxt that is in use.")],
    table: Annotated[str, typer.Option(help="A newer table: CSV, Parquet or an example table.")],
    output: Annotated[
        Path, typer.Option(help="The proposed schema.pbtxt to write, for review.", callback=_schema_file)
    ],
    problem: ProblemOption = None,
) -> None:
    """Propose a schema that a newer table fits, and say what it would break. Exits 1 where something breaks."""
    from components.data_validation.jobs.evolve_schema import evolve_schema

    result = evolve_schema(schema_path=schema, table_uri=table, output_path=output, problem=_problem(problem))
    typer.echo(masked(result.table))
    typer.echo(f"a proposal to review: {output}")
    if result.breaking:
        raise typer.Exit(FAILED_CHECK)


@app.command()
def validate(
    output: OutputOption,
    examples: Annotated[Path | None, typer.Option(help="An example table: its splits against each other.")] = None,
    table: Annotated[str | None, typer.Option(help="Any table, against a reviewed schema.")] = None,
    schema: SchemaOption = None,
    environment: Annotated[str, typer.Option(help="TRAINING, or SERVING where the label is absent.")] = "TRAINING",
    checks: Annotated[Path | None, typer.Option(help="Your own checks: expressions over statistics, as YAML.")] = None,
    problem: ProblemOption = None,
) -> None:
    """Validate the splits of an example table against each other, or any table against a reviewed schema."""
    if (examples is None) == (table is None):
        raise ValueError("validate must be given --examples or --table, one of the two")
    if examples is not None:
        from components.data_validation.jobs.validate_examples import validate_examples

        paths = {f"{name}_path": output / name for name in ("statistics", "anomalies")}
        files = {"schema_path": output / "schema.pbtxt", "report_path": output / "report.html"}
        result = validate_examples(examples_path=examples, **paths, **files, verdict_path=output / "verdict.json")
        _conclude("passed" if result.passed else "blocked", result.reason, output)
        return
    from components.data_validation.jobs.validate_table import validate_table

    if table is None or schema is None:
        raise ValueError("validate --table must be given --schema, the reviewed schema to hold the table against")
    verdict = validate_table(
        table_uri=table,
        schema_path=schema,
        environment=environment,
        checks_path=checks,
        problem=_problem(problem),
        output_path=output,
    )
    for finding in verdict.findings:
        typer.echo(f"  {finding.severity:<9} {finding.message}")
    _conclude(verdict.outcome, verdict.reason, output)


@app.command()
def sufficiency(
    examples: Annotated[str, typer.Option(help="An example table, whose training split is read, or any other table.")],
    output: OutputOption,
    problem: ProblemOption = None,
    embeddings: Annotated[Path | None, typer.Option(help="Folder of its embeddings; else simple features.")] = None,
    target_metric: Annotated[str | None, typer.Option(help="What a model is judged by; accuracy by default.")] = None,
    target_minimum: Annotated[float | None, typer.Option(help="What a model must reach, 0 to 1.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample, the folds and the permutations.")] = 0,
) -> None:
    """Say whether the label is predictable from these data at all, and whether more of them would help."""
    from components.data_validation.jobs.assess_sufficiency import assess_sufficiency

    asked = _problem(problem)
    said = asdict(asked.target)
    given = {"metric": target_metric, "minimum": target_minimum}
    said |= {name: value for name, value in given.items() if value is not None and value != ""}
    result = assess_sufficiency(
        examples_path=examples,
        embeddings_path=embeddings,
        problem=asked,
        target=settings_from(TargetSpec, said, key="target"),
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / "metrics.json",
        seed=seed,
    )
    _conclude(result.outcome, result.reason, output)


def _problem(path: Path | None) -> Problem:
    return Problem() if path is None else read_problem(path)


def _conclude(outcome: str, reason: str, output: Path) -> None:
    said = outcome.replace("_", " ")
    typer.echo(reason if reason.startswith(said) else f"{said}: {reason}")
    typer.echo(f"report: {output / 'report.html'}")
    if outcome != "passed":
        raise typer.Exit(FAILED_CHECK)


if __name__ == "__main__":
    run(app)
