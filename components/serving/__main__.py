"""Serving by hand: `python -m components.serving --model-dir DIR` serves a bundle; `--help` shows the rest."""

from pathlib import Path
from typing import Annotated

import typer

from components.serving.server.config import check_ports, MAX_DIFFERENCE, ServerConfig
from components.shared.contracts.bundle import read_config
from components.shared.lineage.announcements import REGISTRY_VARIABLE
from components.shared.runtime.command_line import FAILED_CHECK, run
from components.shared.serving_log.payload_policy import PayloadPolicy

app = typer.Typer(
    help="Serve a model bundle; publish, promote and list releases; probe a server.", add_completion=False
)

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="The model.")]
RetentionDays = Annotated[
    float | None, typer.Option(help="Delete hours of the log that ended more days ago; keeps all by default.")
]
Registry = Annotated[
    str, typer.Option(envvar=REGISTRY_VARIABLE, help="Kubeflow Model Registry to tell of it, an address.")
]
ModelRoot = Annotated[str, typer.Option(help="Folder or fsspec URI where releases live.")]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    model_dir: Annotated[Path | None, typer.Option(help="Model bundle to serve, a folder.")] = None,
    model_name: Annotated[str, typer.Option(help="Its name in URLs.")] = "model",
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 inside a container.")] = "127.0.0.1",
    http_port: Annotated[int, typer.Option(help="Port of V1 and V2 REST.")] = 8080,
    grpc_port: Annotated[int, typer.Option(help="Port of V2 gRPC.")] = 8081,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    max_difference: Annotated[
        float, typer.Option(help="How far answers may lie from the model's own where something else is faster.")
    ] = MAX_DIFFERENCE,
    drain_seconds: Annotated[
        float, typer.Option(help="Seconds for which a server told to end still takes requests.")
    ] = 0.0,
    access_log: Annotated[bool, typer.Option("--access-log", help="Write a JSON line a request to stdout.")] = False,
    log_dir: Annotated[str | None, typer.Option(help="Folder or fsspec URI to write the serving log to.")] = None,
    log_payload: Annotated[
        str, typer.Option(help="none, derived, sampled or full: what is kept of inputs.")
    ] = "derived",
    sampled_share: Annotated[float, typer.Option(help="Share of whole payloads where they are sampled.")] = 0.01,
    retention_days: RetentionDays = None,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Serve a model bundle over V1 and V2 REST and V2 gRPC, until stopped."""
    if context.invoked_subcommand is not None:
        return
    if model_dir is None:
        raise ValueError("--model-dir must name the model bundle to serve; --help shows the other commands")
    config = ServerConfig(
        model_dir=model_dir,
        model_name=model_name,
        host=host,
        http_port=http_port,
        grpc_port=grpc_port,
        device=device,
        max_difference=max_difference,
        drain_seconds=drain_seconds,
        access_log=access_log,
        log_dir=log_dir,
        log_payload=PayloadPolicy(kind=log_payload, sampled_share=sampled_share),  # type: ignore[arg-type]  # it checks
        retention_days=retention_days,
    )
    check_ports(config)
    read_config(model_dir)
    # Here, not above: a taken port and a missing bundle are told at once, and --help needs neither torch nor KServe.
    from components.serving.server.model_server import serve as serve_bundle

    serve_bundle(config, until_stdin_closes=until_stdin_closes)


@app.command()
def collect(
    log_dir: Annotated[str, typer.Option(help="The serving log's folder: a local path or an fsspec URI.")],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 inside a container.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for events and metrics.", min=1, max=65535)] = 8090,
    log_payload: Annotated[
        str, typer.Option(help="none, derived, sampled or full: what is kept of inputs.")
    ] = "derived",
    sampled_share: Annotated[float, typer.Option(help="Share of whole payloads where they are sampled.")] = 0.01,
    model: Annotated[
        list[str] | None, typer.Option(help="NAME=BUNDLE: whose columns are known; again for more.")
    ] = None,
    spool_dir: Annotated[Path | None, typer.Option(help="Folder for what is not in the log yet; local.")] = None,
    segment_age_s: Annotated[float, typer.Option(help="Seconds until what came is in the log.", min=0.05)] = 30.0,
    pair_wait_s: Annotated[float, typer.Option(help="Seconds that a request waits for its answer.", min=0.0)] = 60.0,
    retention_days: RetentionDays = None,
) -> None:
    """Receive the CloudEvents of KServe's logger, and write them into a serving log, until stopped."""
    from components.serving.collector.collector import CollectorConfig
    from components.serving.collector.listening import listen, models_of

    config = CollectorConfig(
        log=log_dir,
        policy=PayloadPolicy(kind=log_payload, sampled_share=sampled_share),  # type: ignore[arg-type]  # it checks
        models=models_of(model or []),
        spool=spool_dir,
        segment_age_s=segment_age_s,
        pair_wait_s=pair_wait_s,
        retention_days=retention_days,
    )
    listen(config, host=host, port=port)


@app.command()
def forget(
    values: Annotated[
        list[str], typer.Argument(metavar="VALUE...", help="Whose rows are deleted, as clients know them.")
    ],
    log_dir: Annotated[str, typer.Option(help="The serving log's folder: a local path or an fsspec URI.")],
    column: Annotated[str, typer.Option(help="request_id, or an identifier or group of the log.")] = "request_id",
) -> None:
    """Delete rows of a serving log, and what still waits to come into it."""
    from components.shared.serving_log.removal import delete_rows

    typer.echo(f"{delete_rows(log_dir, values, column=column):,} rows deleted")


@app.command()
def publish(
    model_dir: Annotated[Path, typer.Option(help="Model bundle, a folder.")],
    evaluation: Annotated[Path, typer.Option(help="Its evaluation, a JSON file.")],
    verdict: Annotated[Path, typer.Option(help="The verdict of its analysis.")],
    model_name: Annotated[str, typer.Option(help="Small letters, digits and hyphens, starting with a letter.")],
    model_root: ModelRoot,
    output: Annotated[Path, typer.Option(help="File to write the InferenceService to.")],
    examples: Annotated[Path | None, typer.Option(help="Example table, to compare ONNX Runtime's answers on.")] = None,
    registry: Registry = "",
) -> None:
    """Publish a bundle as an immutable release with its InferenceService."""
    from components.serving.jobs import Candidate, publish_model

    result = publish_model(
        Candidate(model=model_dir, evaluation=evaluation, verdict=verdict, examples=examples),
        model_name=model_name,
        model_root=model_root,
        inference_service_path=output,
        registry=registry,
    )
    typer.echo(result.release_uri)


@app.command()
def promote(
    model_name: ModelName,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The release.")],
    model_root: ModelRoot,
    reason: Annotated[str, typer.Option(help="Why, in words.")],
    by: Annotated[str | None, typer.Option(help="Who promotes it; by default your user name.")] = None,
    registry: Registry = "",
) -> None:
    """Make a release the champion of its model: the one that is in use."""
    from components.serving.release.promotion import promote_release

    done = promote_release(
        model_root=model_root,
        model_name=model_name,
        version=version,
        reason=reason,
        promoted_by=by,
        registry=registry,
    )
    if done.is_new:
        typer.echo(f"champion of {model_name}: {done.former_version or 'none'} -> {done.champion.version}")
    else:
        typer.echo(f"champion of {model_name}: {version} already, promoted by {done.champion.promoted_by}")


@app.command()
def releases(model_name: ModelName, model_root: ModelRoot) -> None:
    """List the releases of a model, the newest first; a star marks the champion."""
    from components.serving.release.promotion import list_releases, release_lines

    for line in release_lines(list_releases(model_root=model_root, model_name=model_name)):
        typer.echo(line)


@app.command()
def probe(
    model_dir: Annotated[Path, typer.Option(help="Model bundle to serve, a folder.")],
    examples: Annotated[Path, typer.Option(help="Example table, a folder.")],
    predictions: Annotated[Path, typer.Option(help="Predictions table, a folder.")],
    output: Annotated[Path, typer.Option(help="Folder to write report.html, verdict.json and metrics.json to.")],
    num_examples: Annotated[int, typer.Option(help="How many held-out examples to replay at most.")] = 64,
) -> None:
    """Start the server on loopback, replay held-out examples, and compare."""
    from components.serving.jobs import probe_server

    result = probe_server(
        model_path=model_dir,
        examples_path=examples,
        predictions_path=predictions,
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / "metrics.json",
        num_examples=num_examples,
    )
    typer.echo(output / "report.html")
    if not result.passed:
        raise typer.Exit(FAILED_CHECK)


if __name__ == "__main__":
    run(app)
