"""Feature engineering by hand: `python -m components.feature_engineering --help`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from components.shared.runtime.command_line import run

app = typer.Typer(help="Build the feature store and embeddings.", no_args_is_help=True, add_completion=False)


@app.command()
def build(
    examples: Annotated[Path, typer.Option(help="Example table, a folder.")],
    output: Annotated[Path, typer.Option(help="Folder to write features and report.html to.")],
    backbone: Annotated[str, typer.Option(help="auto, or a backbone by name; see the README.")] = "auto",
    problem: Annotated[Path | None, typer.Option(help="The problem file; preparation and table are read.")] = None,
) -> None:
    """Prepare every example once: images, text or tables. What an earlier build prepared is taken over."""
    from components.feature_engineering.jobs import build_feature_store
    from components.modeling.preparation_settings import preparation_section
    from components.shared.contracts.problem import read_problem

    said = None if problem is None else read_problem(problem)
    result = build_feature_store(
        examples_path=examples,
        backbone=backbone,
        preparation="" if said is None else json.dumps(preparation_section(said.preparation, said.table)),
        features_path=output / "features",
        report_path=output / "report.html",
    )
    typer.echo(f"{result.num_examples} {result.modality} examples for {result.backbone}: {output / 'features'}")
    typer.echo(f"{result.num_prepared} prepared, {result.num_reused} taken over from an earlier build")


@app.command()
def embed(
    examples: Annotated[Path, typer.Option(help="Example table, a folder.")],
    output: Annotated[Path, typer.Option(help="Folder to write the embeddings table to.")],
    backbone: Annotated[str, typer.Option(help="A backbone with published weights.")] = "efficientnet_lite0",
) -> None:
    """Turn every image into a vector with a pretrained network."""
    from components.feature_engineering.jobs import embed_examples

    result = embed_examples(examples_path=examples, embeddings_path=output, backbone=backbone)
    typer.echo(f"{result.num_examples} vectors of {result.embedding_size} numbers: {output}")


if __name__ == "__main__":
    run(app)
