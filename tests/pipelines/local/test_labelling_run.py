"""A round of labelling on this machine: the queue, people's labels, and a model that learnt from them."""

import csv
import io
import json

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from components.modeling.backbone_config import BackboneConfig
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.contracts.bundle import read_config
from pipelines.__main__ import app
from tests.components.active_learning.queue.small_queues import CLASSES, write_table
from tests.components.model_analysis.small_models import comment, fitted_bundle
from tests.training_runs import summary_of

SPLITS = ["train"] * 100 + ["validation"] * 40 + ["test"] * 40
BUDGET = 30


def texts_of(labels, first):
    return [f"{comment(('bad', 'good')[label], first + row)} {first + row}" for row, label in enumerate(labels)]


@pytest.fixture
def places(tmp_path):
    """A table, a pool whose labels are known to this test alone, and a model."""
    known, hidden = [row % 2 for row in range(len(SPLITS))], [row % 2 for row in range(100)]
    texts, pool = texts_of(known, 0), texts_of(hidden, 1000)
    names = [CLASSES[label] for label in known]
    write_table(tmp_path / "examples", [f"e{row}" for row in range(len(texts))], texts, names, SPLITS)
    ids = [f"p{row}" for row in range(len(pool))]
    write_table(tmp_path / "pool", ids, pool, [None] * len(pool), [None] * len(pool), is_pool=True)
    fitted_bundle(
        tmp_path / "model",
        BackboneConfig(name="char_ngrams"),
        TextFeatures(),
        {"text": pa.array(texts)},
        names,
        CLASSES,
    )
    return tmp_path, {name: CLASSES[label] for name, label in zip(ids, hidden, strict=True)}


def run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_a_round_from_a_pool_to_a_published_model(places):
    folder, truth = places
    (folder / "settings.yaml").write_text(f"{{budget: {BUDGET}, dropout_passes: 3}}")
    said = run(
        "label", "--examples", folder / "examples", "--pool", folder / "pool", "--model", folder / "model",
        "--queue", folder / "queue", "--settings", folder / "settings.yaml", "--run-dir", folder / "labelling",
    )  # fmt: skip
    assert f"asked    {BUDGET} examples" in said
    chosen = summary_of(folder / "labelling")
    assert (chosen["passed"], chosen["metrics"]["num_requests"]) == (True, BUDGET)

    sheet = (folder / "queue" / "queue.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(sheet)))
    with (folder / "kim.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**row, "label": truth[row["example_id"]]} for row in rows)
    run(
        "learn", "--queue", folder / "queue", "--labels", folder / "kim.csv", "--recipe", "smoke",
        "--model-name", "comments", "--run-dir", folder / "learning",
    )  # fmt: skip
    learnt = summary_of(folder / "learning")
    assert learnt["passed"]
    assert [gate["name"] for gate in learnt["gates"]][:3] == ["labels", "validation", "smoke"]
    assert learnt["gates"][0]["reason"].startswith(f"{BUDGET} rows joined the table")
    assert read_config(learnt["model_dir"]).class_names == CLASSES
    choice = next((folder / "learning" / "artifacts").glob("*/choose-model*/model_choice"))
    assert json.loads(choice.read_text())["chosen"] in ("trained on", "trained anew")
