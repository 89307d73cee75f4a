"""The validation image beside the environment that stands for it: another TFDV, the same anomalies and verdicts."""

import json
from pathlib import Path
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.runtime.container_images import image
from pipelines.local.containers import container_engine
from pipelines.local.environments import interpreter_of
from pipelines.local.image_source import REPOSITORY

pytestmark = pytest.mark.containers

CORPUS = "tests/components/data_validation/schemas"
# Sketches of numbers differ in the last digits between releases.
TOLERANCE = 1e-6
NUM_ROWS = 1200


def in_image(command: list[str], folder: Path) -> str:
    """Standard output of a command in the validation image; `folder` is mounted at `/data`, the tests read-only."""
    volumes = {
        str(folder): {"bind": "/data", "mode": "rw"},
        str(REPOSITORY / "tests"): {"bind": "/tests/tests", "mode": "ro"},
    }
    with container_engine() as client:
        container = client.containers.create(
            image("validation"),
            command,
            network_mode="none",
            read_only=True,
            tmpfs={"/tmp": ""},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            volumes=volumes,
        )
        try:
            container.start()
            status = container.wait()["StatusCode"]
            output, errors = container.logs(stdout=True, stderr=False), container.logs(stdout=False, stderr=True)
        finally:
            container.remove(force=True)
    assert status in (0, 1), errors.decode()[-2000:]
    return output.decode()


def opened(folder: Path) -> Path:
    """A folder that the image's user may write to."""
    for path in (folder, *folder.parents):
        if path.name.startswith("pytest-"):
            path.chmod(0o755)
    folder.chmod(0o777)
    return folder


def trips(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "trip_miles": rng.lognormal(1.0, 0.6, NUM_ROWS),
        "speed": rng.normal(12, 3, NUM_ROWS),
        "hour": rng.integers(0, 24, NUM_ROWS),
        "company": rng.choice(["ace", "blue", "city"], NUM_ROWS, p=[0.5, 0.3, 0.2]),
        "label": rng.choice(["yes", "no"], NUM_ROWS),
    }


def changed() -> dict[str, np.ndarray]:
    columns = trips(1)
    columns["trip_miles"] = columns["trip_miles"] * 1.609344
    columns["company"] = np.where(np.arange(NUM_ROWS) % 20 == 0, "dawn", columns["company"])
    columns["hours"] = columns.pop("hour")
    return columns


def test_the_corpus_gives_the_same_anomalies_on_the_images_tfdv(tmp_path):
    found = json.loads(in_image(["python", f"/tests/{CORPUS}/tfdv_corpus.py"], opened(tmp_path)))
    recorded = json.loads((REPOSITORY / CORPUS / "golden" / "tfdv_1_16_1.json").read_text(encoding="utf-8"))
    assert found.keys() == recorded.keys()
    for name, case in recorded.items():
        assert found[name]["anomalies"] == case["anomalies"], name
        assert found[name]["data_missing"] == case["data_missing"], name
        assert found[name]["distances"] == pytest.approx(case["distances"], rel=TOLERANCE), name


@pytest.mark.parametrize("current", [trips(1), changed()], ids=["no change", "planted changes"])
def test_a_comparison_gives_the_same_verdict_on_both_releases_of_tfdv(current, tmp_path):
    folder = opened(tmp_path)
    for name, columns in (("reference", trips(0)), ("current", current)):
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    arguments = ["-m", "components.data_validation", "compare"]
    in_image(["python", *arguments, *sides("/data"), "--output", "/data/image"], folder)
    here = interpreter_of(image("validation"))
    done = subprocess.run(
        [here, *arguments, *sides(str(folder)), "--output", str(folder / "here")], cwd=REPOSITORY, check=False
    )
    assert done.returncode in (0, 1)
    verdicts = [json.loads((folder / side / "verdict.json").read_text(encoding="utf-8")) for side in ("image", "here")]
    assert verdicts[0]["outcome"] == verdicts[1]["outcome"]
    assert bool(verdicts[0]["findings"]) == ("hours" in current)
    for found, expected in zip(verdicts[0]["findings"], verdicts[1]["findings"], strict=True):
        for key in ("kind", "severity", "column", "name", "statistic", "significant", "material"):
            assert found[key] == expected[key]
        for key in ("value", "threshold", "effect_size", "p_value"):
            measured = expected[key] is not None
            assert found[key] == (pytest.approx(expected[key], rel=TOLERANCE) if measured else None)


def sides(folder: str) -> list[str]:
    return ["--reference", f"{folder}/reference.parquet", "--current", f"{folder}/current.parquet"]
