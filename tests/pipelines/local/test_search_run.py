"""The augmentation search for real: trials side by side in their environments, on a small folder of pictures."""

import json
from pathlib import Path

from PIL import Image
import pytest
from typer.testing import CliRunner

from components.shared.contracts.problem import read_problem
from pipelines.__main__ import app

pytestmark = pytest.mark.slow

NUM_PER_CLASS = 150
POLICIES = ("standard", "none")
REPEATS = 2


def search(source, folder, *options):
    settings = folder / "search.yaml"
    settings.write_text(
        f"policies: [{', '.join(POLICIES)}]\nrepeats: {REPEATS}\nepochs: 1\nmax_examples: 64\n", encoding="utf-8"
    )
    arguments = ["search", "--dataset", str(source), "--run-dir", str(folder / "run"), "--search", str(settings)]
    return CliRunner().invoke(app, [*arguments, *options])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, stripes):
    folder = tmp_path_factory.mktemp("search")
    for label, name in enumerate(("across", "down")):
        (folder / "pictures" / name).mkdir(parents=True)
        for seed in range(NUM_PER_CLASS):
            Image.fromarray(stripes(label, seed)).save(folder / "pictures" / name / f"{seed:03d}.png")
    return folder


@pytest.fixture(scope="module")
def finished(folder):
    result = search(folder / "pictures", folder)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def summary(folder, finished):
    return json.loads((folder / "run" / "summary.json").read_text(encoding="utf-8"))


def test_every_policy_is_tried_with_every_seed_and_ranked(summary):
    trials = [step["name"] for step in summary["steps"] if step["name"].startswith("try policy")]
    assert len(trials) == len(set(trials)) == len(POLICIES) * REPEATS
    assert {policy["name"] for policy in summary["policies"]} == set(POLICIES)
    for policy in summary["policies"]:
        assert policy["score"]["low"] <= policy["score"]["mean"] <= policy["score"]["high"]
    assert summary["passed"]
    assert summary["winner"] in POLICIES


def test_the_console_ranks_them_and_says_how_to_train_with_the_winner(summary, finished):
    for policy in summary["policies"]:
        assert policy["name"] in finished.output
    assert summary["reason"] in finished.output
    assert f"PROBLEM={summary['problem_file']}" in finished.output


def test_the_problem_file_of_the_winner_is_one_that_a_training_takes(summary):
    assert read_problem(Path(summary["problem_file"])).preparation["augmentation"] == summary["winner"]


def test_every_trial_keeps_its_own_log(folder, summary):
    logs = sorted((folder / "run" / "logs").glob("*-try-policy.log"))
    assert len(logs) == len(POLICIES) * REPEATS


def test_an_unchanged_search_does_no_work_again(folder, summary):
    assert search(folder / "pictures", folder).exit_code == 0
    again = json.loads((folder / "run" / "summary.json").read_text(encoding="utf-8"))
    assert all(step["cached"] for step in again["steps"])
    assert again["policies"] == summary["policies"]
