"""Policies are told apart where they differ, and not where seeds and rows alone make the difference."""

import numpy as np
import pytest

from components.training.augmentation_search.ranking import ranking


def scores_of(rng, accuracies, *, num_seeds=3, num_rows=300, seed_spread=0.0):
    """Right and wrong answers of policies whose accuracies are given; seeds move an accuracy by their spread."""
    hardness = rng.random(num_rows)
    scores = {}
    for name, accuracy in accuracies.items():
        shift = rng.normal(0.0, seed_spread, num_seeds)[:, None] if seed_spread else 0.0
        noisy = hardness + rng.normal(0.0, 0.1, (num_seeds, num_rows))
        scores[name] = (noisy < accuracy + shift).astype(float)
    return scores


def test_a_policy_that_is_much_better_wins():
    rng = np.random.default_rng(0)
    ranked = ranking(scores_of(rng, {"none": 0.6, "light": 0.62, "heavy": 0.8}), kept="none")
    assert ranked.winner == "heavy"
    assert ranked.reason == "heavy is better than every other policy"
    assert ranked.policies[0].name == "heavy"
    assert not any(policy.is_tied for policy in ranked.policies[1:])


def test_equal_policies_are_not_told_apart_but_rarely():
    rng = np.random.default_rng(1)
    alike = {"none": 0.8, "light": 0.8, "standard": 0.8, "heavy": 0.8}
    for spread in (0.0, 0.02, 0.05):
        wrong = sum(
            any(
                not policy.is_tied
                for policy in ranking(scores_of(rng, alike, seed_spread=spread), kept="none").policies
            )
            for _ in range(150)
        )
        assert wrong <= 7


def test_that_nothing_is_distinguishable_is_an_answer_and_keeps_what_is_kept():
    rng = np.random.default_rng(2)
    ranked = ranking(scores_of(rng, {"standard": 0.8, "none": 0.8}), kept="standard")
    assert ranked.winner == "standard"
    assert ranked.reason == "no policy is distinguishable from another with these trainings: standard stays"


def test_a_policy_that_came_first_by_chance_does_not_replace_the_kept_one():
    rng = np.random.default_rng(3)
    ranked = ranking(scores_of(rng, {"standard": 0.80, "none": 0.81, "heavy": 0.4}), kept="standard")
    assert ranked.winner == "standard"
    names = {policy.name: policy.is_tied for policy in ranked.policies}
    assert not names["heavy"]
    assert "standard" in ranked.reason


def test_what_is_hard_for_all_cancels_out_of_the_differences():
    rng = np.random.default_rng(4)
    base = (rng.random((5, 400)) < rng.random(400)).astype(float)
    better = np.where(rng.random((5, 400)) < 0.06, 1.0, base)
    ranked = ranking({"none": base, "light": better}, kept="none")
    lag = ranked.policies[1].behind
    score = ranked.policies[1].score
    assert lag.high - lag.low < 0.7 * (score.high - score.low)
    assert ranked.winner == "light"


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(5)
    steady = ranking(scores_of(rng, {"a": 0.7, "b": 0.7}), kept="a").policies[1].behind
    shaky = ranking(scores_of(rng, {"a": 0.7, "b": 0.7}, seed_spread=0.2), kept="a").policies[1].behind
    assert shaky.high - shaky.low > 2.0 * (steady.high - steady.low)


def test_policies_without_any_difference_have_intervals_of_no_width():
    same = np.ones((2, 5))
    ranked = ranking({"a": same, "b": same}, kept="a")
    assert ranked.policies[1].behind.low == ranked.policies[1].behind.high == 0.0
    assert ranked.winner == "a"


def test_an_interval_ends_where_scores_do():
    nearly = np.ones((2, 50))
    nearly[0, :2] = 0.0
    ranked = ranking({"a": nearly, "b": nearly}, kept="a", bounds=(0.0, 1.0))
    assert ranked.policies[0].score.high == 1.0
    assert ranking({"a": nearly, "b": nearly}, kept="a").policies[0].score.high > 1.0


@pytest.mark.parametrize(
    ("scores", "kept", "message"),
    [
        ({"a": np.ones((2, 5))}, "a", "two policies or more, got 1"),
        ({"a": np.ones((2, 5)), "b": np.ones((2, 5))}, "c", "must be one of a, b, got 'c'"),
        ({"a": np.ones((2, 5)), "b": np.ones((3, 5))}, "a", r"got \(3, 5\) for b and \(2, 5\)"),
        ({"a": np.ones((1, 5)), "b": np.ones((1, 5))}, "a", "2 or more each"),
    ],
)
def test_scores_that_do_not_belong_together_are_refused(scores, kept, message):
    with pytest.raises(ValueError, match=message):
        ranking(scores, kept=kept)
