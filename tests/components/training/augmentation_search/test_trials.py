"""A search's settings, its plan, its trials on real features, and what is made of them."""

import json

import numpy as np
import pytest
import torch
import yaml

from components.shared.contracts.problem import parse_problem
from components.shared.contracts.run_record import kept_steps
from components.shared.runtime.errors import ContractError
from components.shared.runtime.step_record import keep_error
from components.training.augmentation_search.trials import (
    planned_trials,
    read_trial_result,
    search_settings_from_text,
    SearchSettings,
    trial_from_text,
)
from components.training.jobs.plan_augmentation_search import plan_augmentation_search
from components.training.jobs.rank_augmentation_policies import rank_augmentation_policies, with_augmentation_policy
from components.training.jobs.try_augmentation_policy import TrialPaths, try_augmentation_policy


def test_an_empty_text_means_the_defaults():
    assert search_settings_from_text("") == SearchSettings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("policies: [none]", r"search.policies must be a list of two policies or more, got \['none'\]"),
        ("policies: none", "search.policies must be a list of two policies or more, got 'none'"),
        ("repeats: 1", "search.repeats must be a whole number of at least 2, got 1"),
        ("epochs: 1.5", "search.epochs must be a whole number of at least 1, got 1.5"),
        ("metric: f1", "search.metric must be one of accuracy, log_loss, got 'f1'"),
        ("repeat: 3", "unknown key 'search.repeat'; known keys are policies, repeats"),
        ("[none", "the search settings must be YAML"),
        ("none", "must be a mapping of keys to values, got 'none'"),
    ],
)
def test_a_wrong_setting_is_named(text, message):
    with pytest.raises(ContractError, match=message):
        search_settings_from_text(text)


def test_the_plan_has_every_policy_with_every_seed_and_the_same_budget():
    trials = planned_trials(SearchSettings(policies=("none", "light"), repeats=3, epochs=2), training={}, seed=5)
    assert [(trial.name, trial.seed) for trial in trials] == [
        (name, seed) for seed in (5, 6, 7) for name in ("none", "light")
    ]
    assert trials[0].policy is None
    assert trials[1].policy["name"] == "light"
    assert {trial.epochs for trial in trials} == {2}
    assert [trial_from_text(trial.to_text()) for trial in trials] == trials


def test_two_policies_of_one_name_and_an_unknown_one_are_refused():
    with pytest.raises(ContractError, match="different names, got light, light"):
        planned_trials(SearchSettings(policies=("light", "light")), training={}, seed=0)
    with pytest.raises(ValueError, match="lihgt"):
        planned_trials(SearchSettings(policies=("none", "lihgt")), training={}, seed=0)


def test_the_winner_goes_into_the_problem_file_and_the_rest_of_it_stays():
    text = "label: {column: breed}\npreparation: {normalization: channel, augmentation: none}\n"
    chosen = parse_problem(with_augmentation_policy(text, "heavy"))
    assert chosen.label.column == "breed"
    assert chosen.preparation == {"normalization": "channel", "augmentation": "heavy"}
    assert parse_problem(with_augmentation_policy("", "none")).preparation == {"augmentation": "none"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"problem": '{"modality": "text"}'}, "searched for images, but the problem file says modality text"),
        ({"training": '{"augment": false}'}, "training.augment must be true for a search"),
        ({"preparation": '{"image_size": 7}'}, "image_size must be 8 to 2048 pixels, got 7"),
    ],
)
def test_a_search_that_could_say_nothing_is_not_planned(settings, message):
    with pytest.raises(ContractError, match=message):
        plan_augmentation_search(
            **{"search": "", "problem": "", "preparation": "", "training": "", "seed": 0, **settings}
        )


@pytest.fixture(scope="module")
def tried(stripes_store, tmp_path_factory):
    """Results of a whole small search, by trial."""
    folder = tmp_path_factory.mktemp("search")
    own = {"name": "mirror", "transforms": [{"HorizontalFlip": {"p": 0.5}}]}
    search = json.dumps({"policies": ["none", "light", own], "repeats": 2, "epochs": 1, "max_examples": 64})
    paths = []
    for number, trial in enumerate(
        plan_augmentation_search(search=search, problem="", preparation="", training="", seed=3)
    ):
        paths.append(folder / f"{number}.json")
        try_augmentation_policy(
            TrialPaths(features=stripes_store, result=paths[-1], metrics=folder / f"{number}-metrics.json"),
            trial=trial,
            recipe="full",
            checkpoint_dir=str(folder / "checkpoints"),
            device="cpu",
        )
    return paths


def test_a_trial_scores_every_validation_row_and_repeats_itself(tried, stripes_store, tmp_path):
    results = [read_trial_result(path) for path in tried]
    assert [result.trial.name for result in results] == ["none", "light", "mirror"] * 2
    assert len({len(result.scores) for result in results}) == 1
    for result in results:
        assert np.mean(result.scores) == pytest.approx(result.accuracy)
    first = results[0]
    again = try_augmentation_policy(
        TrialPaths(features=stripes_store, result=tmp_path / "again.json", metrics=tmp_path / "metrics.json"),
        trial=first.trial.to_text(),
        recipe="full",
        checkpoint_dir=str(tmp_path),
        device="cpu",
    )
    assert again.scores == first.scores
    assert again.log_loss == first.log_loss


def test_a_trial_that_is_tried_again_takes_back_its_own_error_and_no_other(tried, stripes_store, tmp_path, monkeypatch):
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c")
    monkeypatch.setenv("PLUSZERO_RUNS_DIR", str(tmp_path / "runs"))
    none, light = (read_trial_result(path).trial for path in tried[:2])

    def try_again(trial, result):
        monkeypatch.setenv("PLUSZERO_STEP", "try policy")
        paths = TrialPaths(features=stripes_store, result=result, metrics=tmp_path / "metrics.json")
        checkpoints = str(tmp_path / "checkpoints")
        try_augmentation_policy(paths, trial=trial.to_text(), recipe="full", checkpoint_dir=checkpoints, device="cpu")

    for trial in (none, light):
        with pytest.raises(IsADirectoryError) as failed:
            try_again(trial, tmp_path)
        keep_error(failed.value)
    names = [record.step for record in kept_steps(tmp_path / "runs" / "7d0c")]
    assert names == ["try policy: none, seed 3", "try policy: light, seed 3"]
    try_again(none, tmp_path / "result.json")
    (left,) = kept_steps(tmp_path / "runs" / "7d0c")
    assert (left.step, bool(left.error)) == ("try policy: light, seed 3", True)


def test_what_the_problem_file_says_of_training_holds_in_a_trial_but_for_its_budget(stripes_store, tmp_path):
    training = {"learning_rate": 1e-3, "max_epochs": 7}
    search = json.dumps({"policies": ["none", "light"], "epochs": 1, "max_examples": 32})
    trial, *_ = plan_augmentation_search(
        search=search, problem="", preparation="", training=json.dumps(training), seed=0
    )
    paths = TrialPaths(features=stripes_store, result=tmp_path / "result.json", metrics=tmp_path / "metrics.json")
    try_augmentation_policy(
        paths, trial=trial, recipe="full", checkpoint_dir=str(tmp_path / "checkpoints"), device="cpu"
    )
    checkpoint = next((tmp_path / "checkpoints").glob("*/last.ckpt"))
    state = torch.load(checkpoint, weights_only=True)
    assert len(state["callbacks"]["LossCurves"]["epochs"]) == 1
    assert state["lr_schedulers"][0]["base_lrs"] == [1e-3]


def test_policies_train_differently(tried):
    losses = {read_trial_result(path).log_loss for path in tried}
    assert len(losses) == len(tried)


def test_the_search_ends_with_a_ranked_table_and_a_problem_file(tried, tmp_path):
    ranked = rank_augmentation_policies(
        results=tried,
        problem="label: {version: 2}",
        report_path=tmp_path / "report.html",
        ranking_path=tmp_path / "ranking.json",
        problem_path=tmp_path / "problem.yaml",
    )
    described = json.loads((tmp_path / "ranking.json").read_text())
    assert {policy["name"] for policy in described["policies"]} == {"none", "light", "mirror"}
    assert described["winner"] == ranked.winner
    page = (tmp_path / "report.html").read_text()
    assert ranked.reason in page
    assert "mirror" in page
    written = yaml.safe_load((tmp_path / "problem.yaml").read_text())
    assert written["label"] == {"version": 2}
    assert "augmentation" in written["preparation"]


def test_trials_of_other_seeds_are_not_ranked_together(tried, tmp_path):
    with pytest.raises(ContractError, match="the same seeds on the same rows"):
        rank_augmentation_policies(
            results=tried[:-1],
            problem="",
            report_path=tmp_path / "report.html",
            ranking_path=tmp_path / "ranking.json",
            problem_path=tmp_path / "problem.yaml",
        )
