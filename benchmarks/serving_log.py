"""The serving log: what writing costs, how a day of a long log opens, what 100,000 late labels take, and kills.

python -m benchmarks.serving_log writing                  rows a CPU second, by rows a request
python -m benchmarks.serving_log days --rows 10000000     seconds to open a day's window, logs of 1 to 64 days
python -m benchmarks.serving_log labels                   100,000 labels with planted ambiguities, all told
python -m benchmarks.serving_log kills --rounds 20        a collector killed under load: every acknowledged event once
"""

from collections import Counter
import contextlib
from datetime import datetime, timedelta, UTC
import http.client
import json
import os
from pathlib import Path
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import pyarrow as pa
import typer

from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.serving_log.label_join import join_labels, LateLabels, NO_TIME, ServedKeys
from components.shared.serving_log.log import ServingLog
from components.shared.serving_log.log_writer import ServingLogWriter
from components.shared.serving_log.recorder import RecorderLimits, RequestRecorder
from components.shared.serving_log.served_request import ServedModel, ServedRequest
from components.shared.serving_log.time_window import TimeWindow

app = typer.Typer(add_completion=False)
ROLES = {"fare": "feature", "shop": "feature", "phone": "pii", "order": "id"}
INFO = ExampleTableInfo(modality="tabular", class_names=(), column_roles=ROLES)  # type: ignore[arg-type]  # roles
MODEL = ServedModel(name="fares", version="a1", info=INFO)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@app.command()
def writing(rows: int = 200_000) -> None:
    """CPU seconds of a recorder, its threads included, by rows a request; what only makes the requests is taken off."""
    typer.echo(f"{'rows a request':>14} {'rows':>9} {'CPU s':>8} {'rows a CPU s':>13} {'lost':>6}")
    for size in (1, 8, 64, 1000):
        requests = [_request(number, size) for number in range(rows // size)]
        with tempfile.TemporaryDirectory() as folder:
            began = time.process_time()
            limits = RecorderLimits(queue_requests=1 << 30, queue_bytes=1 << 40)
            recorder = RequestRecorder(folder, MODEL, limits=limits)
            for request in requests:
                recorder.offer(request)
            recorder.close(600.0)
            seconds, counts = time.process_time() - began, recorder.counters()
        stored = counts["rows_stored"]
        typer.echo(f"{size:14,} {stored:9,} {seconds:8.2f} {stored / seconds:13,.0f} {counts['lost']:6,}")


@app.command()
def days(rows: int = 1_000_000, most_days: int = 64) -> None:
    """Seconds to open one day of logs of more and more days, of the same number of rows a day; and to read it."""
    a_day = rows // most_days
    typer.echo(f"{'days':>5} {'rows':>11} {'open s':>8} {'read s':>8} {'whole log s':>12}")
    with tempfile.TemporaryDirectory() as folder:
        written = 0
        for num_days in (*(4**power for power in range(10) if 4**power < most_days), most_days):
            for day in range(written, num_days):
                _write_day(folder, day, a_day)
            written = num_days
            start = NOON.replace(hour=0) + (num_days // 2) * DAY
            window = TimeWindow(start=start, end=start + DAY)
            opened = min(_opening(folder, window)[0] for _ in range(3))
            read = min(_opening(folder, window)[1] for _ in range(3))
            whole, _ = _opening(folder, TimeWindow(), is_read=False)
            typer.echo(f"{num_days:5} {num_days * a_day:11,} {opened:8.3f} {read:8.3f} {whole:12.3f}")


@app.command()
def labels(num_labels: int = 100_000, seed: int = 0) -> None:
    """Join labels of an identifier that was served often, late and out of order, with ambiguities of each kind."""
    rng = np.random.default_rng(seed)
    num_keys = num_labels // 4
    keys = np.repeat(np.arange(num_keys), 4)
    times = rng.integers(0, 10**6, len(keys)) * 1000
    twice = rng.choice(num_keys, num_keys // 50, replace=False)  # served twice at one moment, later than all else
    served = [(f"o{key}", moment) for key, moment in zip(keys, times, strict=True)]
    served += [(f"o{key}", 2 * 10**9) for key in twice for _ in range(2)]
    told: list[tuple[str, int, str]] = []
    expected: Counter[str] = Counter()
    latest = dict(zip(keys.tolist(), times.tolist(), strict=True))
    for key in range(num_keys):
        latest[key] = int(times[4 * key : 4 * key + 4].max())
        told.append((f"o{key}", latest[key] + 1, "plain"))
    for key in twice.tolist():
        told.append((f"o{key}", 3 * 10**9, "served_twice"))
    told += [(f"x{number}", 5, "unmatched") for number in range(num_labels // 100)]
    told += [(f"o{number}", -1, "before_served") for number in range(num_labels // 100)]
    told += [(f"o{number}", NO_TIME, "no_time") for number in range(num_labels // 100)]
    while len(told) < num_labels:
        told.append((f"o{rng.integers(num_keys)}", 10**9, "plain"))
    order = rng.permutation(len(told))
    told = [told[place] for place in order]
    expected.update(kind for _, _, kind in told if kind != "plain")
    late = LateLabels(
        keys=pa.array([key for key, _, _ in told]),
        rows=None,
        times_us=np.array([moment for _, moment, _ in told], np.int64),
        labels=pa.array(["tip"] * len(told)),
        versions=np.ones(len(told), np.int64),
    )
    rows = ServedKeys(
        keys=pa.array([key for key, _ in served]),
        rows=np.zeros(len(served), np.int64),
        times_us=np.array([moment for _, moment in served], np.int64),
    )
    began = time.process_time()
    found = join_labels(late, rows)
    seconds = time.process_time() - began
    right = sum(told[place][2] == kind for place, kind in found.problems.items())
    typer.echo(
        f"{len(told):,} labels of {len(served):,} served rows in {seconds:.2f} CPU s: {expected.total():,} ambiguities "
        f"planted, {right:,} reported by their kind, {len(found.problems) - right:,} others reported"
    )


@app.command()
def kills(rounds: int = 20, clients: int = 4, seed: int = 0) -> None:
    """Kill a collector at random moments under load, and count what it acknowledged in what it stored."""
    rng = random.Random(seed)
    acknowledged: set[tuple[str, str]] = set()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        for number in range(rounds):
            with _collecting(log) as (child, port):
                threads = [
                    threading.Thread(target=_send, args=[port, f"{number}-{client}", acknowledged])
                    for client in range(clients)
                ]
                for thread in threads:
                    thread.start()
                time.sleep(rng.uniform(0.05, 2.0))
                child.kill()
                for thread in threads:
                    thread.join()
        with _collecting(log) as (child, port):
            time.sleep(3)
            counts = _counts(port)
            child.terminate()
            child.wait()
        rows = [row for batch in ServingLog(str(log / "fares")).iter_batches() for row in batch.to_pylist()]
    requests = Counter(row["event_id"] for row in rows if row["request_id"].startswith("asked-"))
    answers = Counter(row["event_id"] for row in rows if row["predicted"] is not None)
    missing = sum(not (requests if kind == "request" else answers)[name] for name, kind in acknowledged)
    twice = sum(count > 1 for found in (requests, answers) for count in found.values())
    balance = counts["received"] - counts["stored"] - counts["repeated"] - counts["lost"]
    typer.echo(
        f"{rounds} kills, {len(acknowledged):,} events acknowledged: {missing} missing, {twice} stored twice; "
        f"{counts['received']:,} received = {counts['stored']:,} stored + {counts['repeated']:,} repeated + "
        f"{counts['lost']:,} lost, {balance} unexplained"
    )


def _request(number: int, size: int) -> ServedRequest:
    return ServedRequest(
        request_id=f"r{number}",
        time_ns=1_777_636_800_000_000_000 + number * 1_000_000,
        features={
            "fare": pa.array(np.full(size, 1.5)),
            "shop": pa.array(["north"] * size),
            "phone": pa.array(["010-1234-5678"] * size),
        },
        labels=["tip"] * size,
        probabilities=np.full((size, 2), 0.5),
        context={"order": [f"o{number}"] * size},
    )


def _write_day(folder: str, day: int, num_rows: int) -> None:
    start = NOON.replace(hour=0) + day * DAY
    moments = int(start.timestamp() * 1e6) + np.linspace(0, 86_399_999_999, num_rows).astype(np.int64)
    columns = {
        "request_id": pa.array([f"r{day}-{number}" for number in range(num_rows)]),
        "row": pa.array(np.zeros(num_rows, np.int32)),
        "event_time": pa.array(moments).cast(pa.timestamp("us", tz="UTC")),
        "model_name": pa.repeat("fares", num_rows),
        "model_revision": pa.repeat("a1", num_rows),
        "predicted": pa.repeat("tip", num_rows),
        "fare": pa.array(np.random.default_rng(day).normal(size=num_rows)),
    }
    info = ExampleTableInfo(modality="tabular", class_names=(), column_roles={"fare": "feature"})
    ServingLogWriter(folder, info).append(pa.RecordBatch.from_pydict(columns))


def _opening(folder: str, window: TimeWindow, *, is_read: bool = True) -> tuple[float, float]:
    """Seconds to open a window, and to open and read it."""
    began = time.perf_counter()
    log = ServingLog(folder, window=window)
    opened = time.perf_counter() - began
    for _ in log.iter_batches() if is_read else ():
        pass
    return opened, time.perf_counter() - began


@contextlib.contextmanager
def _collecting(log: Path):  # noqa: ANN202 - a process and its port
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "components.serving", "collect", "--log-dir", str(log), "--port", str(port)]
    command += ["--segment-age-s", "0.2", "--pair-wait-s", "1"]
    child = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(OSError):
                if _asked(port, "GET", "/health/ready")[0] == 200:
                    break
            time.sleep(0.1)
        yield child, port
    finally:
        child.kill()
        child.wait()


def _send(port: int, prefix: str, acknowledged: set[tuple[str, str]]) -> None:
    asked = {"instances": [{"fare": 1.0}]}
    answered = {"predictions": [{"label": "tip"}]}
    for number in range(1_000_000):
        name = f"{prefix}-{number}"
        for kind, body in (("request", {**asked, "request_id": f"asked-{name}"}), ("response", answered)):
            headers = {
                "ce-specversion": "1.0",
                "ce-id": name,
                "ce-source": "benchmark",
                "ce-inferenceservicename": "fares",
                "ce-type": f"org.kubeflow.serving.inference.{kind}",
                "content-type": "application/json",
            }
            try:
                if _asked(port, "POST", "/", headers, json.dumps(body))[0] == 200:
                    acknowledged.add((name, kind))
            except (OSError, http.client.HTTPException):
                return


def _asked(
    port: int, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _counts(port: int) -> dict[str, int]:
    lines = [line for line in _asked(port, "GET", "/metrics")[1].splitlines() if not line.startswith("#")]
    return {line.split('"')[1]: int(line.rpartition(" ")[2]) for line in lines}


if __name__ == "__main__":
    app()
