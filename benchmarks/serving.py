"""The server beside the bare model and its peers, one after another in rounds, on one core each.

    python -m benchmarks.serving --model photos --rounds 5
    python -m benchmarks.serving --model digits --rounds 5

Every server runs on one core with one thread of torch, the clients on another: a closed loop of 1, 8 and 32 of them,
each with a connection of its own. Ours has admission, metrics and the access log; `fastapi` and `kserve` call the same
predictor without batching, `echo` is KServe's server with a model that answers at once. `bare` computes the same rows
without any server, in batches of the size of the concurrency. Photos go as V2 binary tensors (prepared pixels) and as
JPEG files in binary; digits, texts and tables as V2 JSON. Printed: requests a second, latencies, CPU of the server a
request, memory; ours against each other; what ours computes with. `ours` serves a release, with its network for ONNX
Runtime where it has one; `torch` is the same server of the bundle, which has none.
"""

import base64
from collections.abc import Iterator, Sequence
import contextlib
from dataclasses import dataclass
import io
import json
import os
from pathlib import Path
import socket
import struct
import subprocess
import sys
import tempfile
import time
from typing import Annotated

import numpy as np
from PIL import Image
import psutil
import pyarrow as pa
import torch
import typer

from benchmarks.http_load import Load, raw_request
from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.features import Features
from components.modeling.images.features import ImageFeatures
from components.modeling.predictor import load_predictor, Predictor, weights_of
from components.modeling.tabular.features import fit_tabular_features
from components.modeling.text.char_ngrams import TextFeatures
from components.serving.release.network_graph import network_graph
from components.shared.contracts.bundle import add_files, BundleConfig, FEATURES_FOLDER, NETWORK_FILE, write_bundle

MODELS = ("photos", "jpeg", "digits", "text", "table")
CONCURRENCIES = (1, 8, 32)
SERVER_CORE, CLIENT_CORE = 0, 1
# Our servers, and which bundle each serves.
OURS = {"ours": "release", "torch": "model"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One server under one load; `cpu_ms` is its CPU time a request, `memory_mb` what it holds afterwards."""

    load: Load
    cpu_ms: float
    memory_mb: float


def main(
    model: Annotated[str, typer.Option(help=f"One of {', '.join(MODELS)}.")] = "photos",
    rounds: Annotated[int, typer.Option(help="Rounds of all servers.")] = 5,
    seconds: Annotated[float, typer.Option(help="Seconds a server, a concurrency and a round.")] = 4.0,
    servers: Annotated[str, typer.Option(help="Which servers, with commas.")] = "ours,fastapi,kserve,echo",
) -> None:
    """Print the servers and the ratios between them."""
    names = servers.split(",")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_model(folder / "model", model)
        write_release(folder / "model", folder / "release")
        predictor = load_predictor(folder / "model", device="cpu")
        requests = {name: requests_of(model, predictor, name) for name in names}
        found: dict[tuple[str, int], list[Measured]] = {}
        bare: dict[int, list[float]] = {}
        with contextlib.ExitStack() as stack:
            running = {name: stack.enter_context(server(name, folder)) for name in names}
            for name in set(names) & set(OURS):
                typer.echo(f"{name} {computes_with(folder / f'{name}.out')}")
            for _ in range(rounds):
                for clients in CONCURRENCIES:
                    bare.setdefault(clients, []).append(bare_rate(model, predictor, clients, seconds / 2))
                    for name in names:
                        measured = measure(running[name], requests[name], folder, clients=clients, seconds=seconds)
                        found.setdefault((name, clients), []).append(measured)
    show(names, found, bare)


def show(names: Sequence[str], found: dict[tuple[str, int], list[Measured]], bare: dict[int, list[float]]) -> None:
    """Print the medians over the rounds, and ours against the others round by round."""
    for clients in CONCURRENCIES:
        rates = {name: np.array([one.load.rate for one in found[name, clients]]) for name in names}
        typer.echo(f"{clients} clients: bare {np.median(bare[clients]):.1f} a second")
        for name in names:
            measured = found[name, clients]
            middle = {
                "rate": np.median(rates[name]),
                "p50": np.median([one.load.p50_ms for one in measured]),
                "p99": np.median([one.load.p99_ms for one in measured]),
                "cpu": np.median([one.cpu_ms for one in measured]),
            }
            to_bare = np.median(rates[name] / np.array(bare[clients]))
            others = sum(one.load.num_other for one in measured)
            typer.echo(
                f"  {name:8} {middle['rate']:8.1f} a second  {to_bare:5.2f} of bare  p50 {middle['p50']:7.2f} ms  p99 "
                f"{middle['p99']:7.2f} ms  CPU {middle['cpu']:6.3f} ms  {measured[-1].memory_mb:,.0f} MB"
                f"{f'  {others} refused' if others else ''}"
            )
        for name in names[1:]:
            cpu = np.median(
                [
                    ours.cpu_ms / one.cpu_ms
                    for ours, one in zip(found[names[0], clients], found[name, clients], strict=True)
                ]
            )
            typer.echo(f"  ours / {name}: rate {np.median(rates[names[0]] / rates[name]):.2f}, CPU {cpu:.2f}")


def measure(
    process: tuple[subprocess.Popen[bytes], int],
    requests: Sequence[bytes],
    folder: Path,
    *,
    clients: int,
    seconds: float,
) -> Measured:
    """One load on one server."""
    child, port = process
    path = folder / "requests"
    path.write_bytes(b"".join(requests))
    asked = {
        "port": port,
        "clients": clients,
        "seconds": seconds,
        "core": CLIENT_CORE,
        "requests": str(path),
        "lengths": [len(request) for request in requests],
    }
    before = _cpu_s(child.pid)
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load"],
        input=json.dumps(asked).encode(),
        capture_output=True,
        check=True,
    )
    load = Load(**json.loads(ended.stdout))
    cpu_s = _cpu_s(child.pid) - before
    return Measured(
        load=load,
        cpu_ms=1000 * cpu_s / max(load.num_answered, 1),
        memory_mb=psutil.Process(child.pid).memory_info().rss / 1e6,
    )


@contextlib.contextmanager
def server(name: str, folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server of the model on one core, ready."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        port, grpc_port = first.getsockname()[1], second.getsockname()[1]
    ours = [
        "-m",
        "components.serving",
        "--model-dir",
        str(folder / OURS.get(name, "model")),
        "--http-port",
        str(port),
        "--grpc-port",
        str(grpc_port),
        "--access-log",
        "--device",
        "cpu",
        *options,
    ]
    theirs = ["-m", "benchmarks.serving_peers", name, str(folder / "model"), str(port)]
    with open(folder / f"{name}.out", "wb") as output:
        child = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), sys.executable, *(ours if name in OURS else theirs)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(child, port, folder / f"{name}.out")
            yield child, port
        finally:
            child.terminate()
            child.wait()


def write_model(path: Path, model: str) -> None:
    """A bundle of random weights."""
    torch.manual_seed(7)
    features: Features
    if model in ("photos", "jpeg"):
        features, backbone = ImageFeatures(image_size=224, resize="crop"), BackboneConfig(name="efficientnet_lite0")
    elif model == "digits":
        features, backbone = ImageFeatures(image_size=32, resize="crop"), BackboneConfig(name="small_cnn")
    elif model == "text":
        features, backbone = TextFeatures(), BackboneConfig(name="char_ngrams")
    else:
        columns = {"fare": pa.array(np.arange(200.0)), "company": pa.array(["Blue", "Taxi"] * 100)}
        types = {name: values.type for name, values in columns.items()}
        features, backbone = fit_tabular_features([columns], types), BackboneConfig(name="mlp")
    classifier = build_classifier(backbone, features, num_classes=2, load_pretrained=False)
    config = BundleConfig(
        task=f"{features.modality}_classification",
        class_names=("cat", "dog"),
        backbone=backbone.to_dict(),
        preprocessing=features.to_dict(),
    )
    files = {f"{FEATURES_FOLDER}/{name}": content for name, content in features.files().items()}
    write_bundle(path, config, weights_of(classifier), files=files)


def write_release(bundle: Path, path: Path) -> None:
    """The bundle as it is published: with its network for ONNX Runtime where its answers are the same."""
    graph = network_graph(bundle)
    add_files(bundle, path, {} if graph is None else {NETWORK_FILE: graph})


def computes_with(log: Path) -> str:
    """What a server of ours said that it computes with."""
    said = [line for line in log.read_text(encoding="utf-8").splitlines() if "computes with" in line]
    return said[-1].partition("computes with ")[2] if said else "did not say what it computes with"


def requests_of(model: str, predictor: Predictor, name: str) -> list[bytes]:
    """Requests of one row each, 32 different ones."""
    path = "/v2/models/model/infer"
    rng = np.random.default_rng(1)
    requests = []
    for number in range(32):
        if model in ("photos", "jpeg"):
            raw = _pixels(rng, 224).tobytes() if model == "photos" else prefixed(_jpeg(rng))
            shape, kind = ([1, 224, 224, 3], "UINT8") if model == "photos" else ([1], "BYTES")
            tensor = {"name": "image", "datatype": kind, "shape": shape, "parameters": {"binary_data_size": len(raw)}}
            head = json.dumps({"inputs": [tensor]}).encode()
            more = [("Inference-Header-Content-Length", str(len(head))), ("Content-Type", "application/octet-stream")]
            requests.append(raw_request(path, head + raw, more))
            continue
        tensors = [
            {"name": key, "datatype": kind, "shape": [1], "data": [value]}
            for key, kind, value in _values(model, rng, number)
        ]
        requests.append(raw_request(path, json.dumps({"inputs": tensors}).encode()))
    return requests


def bare_rate(model: str, predictor: Predictor, batch: int, seconds: float) -> float:
    """Rows a second of the model alone, with decoding where rows come as files, on the server's core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        rng = np.random.default_rng(1)
        files = [_jpeg(rng) for _ in range(batch)] if model == "jpeg" else []
        inputs = predictor.empty_inputs(batch)
        rows, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            if files:
                inputs = predictor.prepare({"image": pa.array(files, pa.binary())})
            predictor.predict(inputs)
            rows += batch
        return rows / (time.perf_counter() - began)
    finally:
        os.sched_setaffinity(0, before)


def _values(model: str, rng: np.random.Generator, number: int) -> list[tuple[str, str, object]]:
    if model == "text":
        return [("text", "BYTES", " ".join(map(str, rng.integers(0, 999, 12))))]
    if model == "table":
        return [("fare", "FP64", float(number)), ("company", "BYTES", "Blue")]
    buffer = io.BytesIO()
    Image.fromarray(_pixels(rng, 8)).save(buffer, "PNG")
    return [("image", "BYTES", base64.b64encode(buffer.getvalue()).decode())]


def _pixels(rng: np.random.Generator, side: int) -> np.ndarray:
    return rng.integers(0, 256, (side, side, 3)).astype(np.uint8)


def _jpeg(rng: np.random.Generator) -> bytes:
    small = Image.fromarray(_pixels(rng, 24)).resize((500, 375), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def prefixed(data: bytes) -> bytes:
    """A string as binary BYTES data have it, after its length."""
    return struct.pack("<I", len(data)) + data


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _wait(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if child.poll() is not None:
            raise RuntimeError(log.read_text())
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(log.read_text())


if __name__ == "__main__":
    typer.run(main)
