"""Tries a cluster from outside: one training to its end, one release asked.

    python -m tools.try_cluster train build/training-cpu.yaml model_data=digits model_root=pvc://pluszero-workspace/models
    python -m tools.try_cluster ask http://localhost:8080 digits

`.github/workflows/cluster.yaml` does so.
"""

import base64
import json
from pathlib import Path
from typing import Annotated
import urllib.request

import typer

from components.data_ingestion.known_datasets import digits_listing, DigitsReader
from components.shared.runtime.command_line import FAILED_CHECK, run
from pipelines.submission.package import read_package

_EVERY = 500
_LEAST_RIGHT = 0.8
_REQUEST_TIMEOUT_S = 60

app = typer.Typer(help="Try a cluster: train a model on it, ask a release.", no_args_is_help=True, add_completion=False)


@app.command("train")
def train_command(
    package: Annotated[Path, typer.Argument(help="A compiled pipeline.")],
    arguments: Annotated[list[str], typer.Argument(help="NAME=VALUE, each a parameter of the pipeline.")],
    host: Annotated[str, typer.Option(help="Where KFP's API answers.")] = "http://localhost:8888",
    timeout_s: Annotated[int, typer.Option(help="How long the run may take.")] = 5400,
) -> None:
    """Run a pipeline on a cluster; exits 1 where it does not succeed."""
    given = read_package(package).arguments(arguments)
    # It takes seconds to import.
    from kfp import Client

    client = Client(host=host)
    submitted = client.create_run_from_pipeline_package(str(package), arguments=given)
    ended = client.wait_for_run_completion(submitted.run_id, timeout=timeout_s)
    typer.echo(f"the run {submitted.run_id} has ended: {ended.state}")
    if str(ended.state).upper() != "SUCCEEDED":
        raise typer.Exit(FAILED_CHECK)


@app.command("ask")
def ask_command(
    url: Annotated[str, typer.Argument(help="Where the predictor answers.")],
    model: Annotated[str, typer.Argument(help="Its name.")],
) -> None:
    """Ask a release for ten of the embedded digits; exits 1 where it knows fewer than eight."""
    num_right, num_asked = right_answers(url, model)
    typer.echo(f"{num_right} of {num_asked} digits are right")
    if num_right < _LEAST_RIGHT * num_asked:
        raise typer.Exit(FAILED_CHECK)


def right_answers(url: str, model: str) -> tuple[int, int]:
    """How many of the embedded digits that it is asked for a release knows, and how many those are."""
    entries = digits_listing().entries[::_EVERY]
    images = [base64.b64encode(DigitsReader().read(entry.location)).decode("ascii") for entry in entries]
    request = urllib.request.Request(  # noqa: S310 - whoever runs it names the address
        f"{url.rstrip('/')}/v1/models/{model}:predict",
        data=json.dumps({"instances": [{"image": {"b64": image}} for image in images]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    # urlopen keeps the proxies of its first call for good.
    with urllib.request.build_opener().open(request, timeout=_REQUEST_TIMEOUT_S) as answer:
        predictions = json.load(answer)["predictions"]
    pairs = zip(entries, predictions, strict=True)
    return sum(entry.label == prediction["label"] for entry, prediction in pairs), len(entries)


if __name__ == "__main__":
    run(app)
