from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from components.data_validation.sufficiency.assessment import sufficiency
from components.data_validation.sufficiency.cheap_probes import linear_probe, macro_roc_auc, metric_score, ProbeEffort
from components.data_validation.sufficiency.learning_curve import learning_curve, LearningCurve
from components.data_validation.sufficiency.missing_examples import missing_examples
from components.data_validation.sufficiency.power_law import fit_power_law, PowerLaw, quantile_interval
from components.data_validation.sufficiency.predictability import permuted_labels, predictability
from components.data_validation.sufficiency.probe_features import text_features
from components.data_validation.sufficiency.sufficiency_report import sufficiency_report
from components.data_validation.sufficiency.sufficiency_verdict import sufficiency_verdict
from components.shared.contracts.target_spec import TargetSpec

QUICK = ProbeEffort(num_folds=3, num_permutations=6, num_sizes=4, num_repeats=4)


def noise(num_rows: int, num_columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(num_rows, num_columns))


def flat_curve(law: PowerLaw, *, metric: str = "accuracy") -> LearningCurve:
    """A curve that is known exactly."""
    sizes = (20, 40, 80)
    return LearningCurve(
        metric=metric,
        sizes=sizes,
        scores_RS=np.array([[law.at(size) for size in sizes]] * 4),
        null_mean=0.5,
        null_sd=0.01,
        law=law,
        laws=(law,) * 20,
        more_data_helps="unclear",
    )


class TestScores:
    def test_auc_of_a_perfect_order_is_one_and_of_its_reverse_zero(self):
        labels = np.array([0, 0, 1, 1])
        upwards = np.array([0.1, 0.2, 0.8, 0.9])
        assert macro_roc_auc(labels, np.column_stack([1 - upwards, upwards])) == 1.0
        assert macro_roc_auc(labels, np.column_stack([upwards, 1 - upwards])) == 0.0

    def test_auc_agrees_with_scikit_learn_for_three_classes_and_ties(self):
        rng = np.random.default_rng(3)
        labels = rng.integers(0, 3, 200)
        scores = rng.integers(1, 5, (200, 3)).astype(float)
        expected = np.mean([roc_auc_score(labels == number, scores[:, number]) for number in range(3)])
        assert macro_roc_auc(labels, scores) == pytest.approx(expected)

    def test_auc_of_one_class_is_undefined(self):
        assert np.isnan(macro_roc_auc(np.zeros(4, int), np.ones((4, 1))))

    def test_always_answering_one_label_scores_as_by_hand(self):
        labels, scores = np.array([0, 0, 0, 1]), np.tile([0.9, 0.1], (4, 1))
        assert metric_score("accuracy", labels, scores) == 0.75
        assert metric_score("macro_recall", labels, scores) == 0.5
        assert metric_score("macro_precision", labels, scores) == 0.375
        assert metric_score("macro_f1", labels, scores) == pytest.approx(3 / 7)
        assert metric_score("roc_auc", labels, scores) == 0.5

    def test_an_unknown_metric_is_refused(self):
        with pytest.raises(ValueError, match="'gini'"):
            metric_score("gini", np.array([0, 1]), np.eye(2))


class TestPredictability:
    def test_a_linear_relation_is_found(self):
        features = noise(200, 4)
        found = predictability(features, (features[:, 0] > 0).astype(int), seed=0, effort=QUICK)
        assert found.predictable
        assert found.score > 0.95
        assert found.interval[0] <= found.score <= found.interval[1]

    def test_an_exclusive_or_is_found_by_trees_alone(self):
        features = noise(500, 4)
        labels = (features[:, 0] * features[:, 1] > 0).astype(int)
        found = predictability(features, labels, seed=0, effort=QUICK)
        assert found.predictable
        assert found.probe == "boosted trees"
        assert found.probe_scores["logistic regression"] < 0.6

    @pytest.mark.slow
    def test_random_labels_are_rarely_called_predictable(self):
        alarms = 0
        for seed in range(20):
            labels = np.random.default_rng(seed + 100).permutation(100) % 2
            features = sparse.csr_matrix(noise(100, 3, seed))
            alarms += predictability(features, labels, seed=seed, effort=QUICK).predictable
        # At a rate of 5%, five or more of twenty come three times in a thousand.
        assert alarms <= 4

    def test_twelve_kinds_of_texts_are_told_apart_by_naive_bayes(self):
        labels = np.arange(240) % 12
        texts = [f"{chr(97 + label) * 3} {row % 7}" for row, label in enumerate(labels)]
        found = predictability(text_features(texts), labels, seed=0, effort=QUICK)
        assert found.predictable
        assert list(found.probe_scores) == ["naive Bayes"]

    def test_an_imbalance_of_one_to_fifty_is_no_relation(self):
        labels = (np.arange(1000) < 20).astype(int)
        found = predictability(noise(1000, 3, 5), labels, seed=0, effort=QUICK)
        assert not found.predictable
        assert found.null_mean == pytest.approx(0.5, abs=0.08)

    def test_a_weak_relation_is_significant_but_not_material(self):
        features = noise(8000, 1)
        labels = (features[:, 0] * 0.1 + np.random.default_rng(1).normal(size=8000) > 0).astype(int)
        found = predictability(sparse.csr_matrix(features), labels, seed=0, effort=QUICK)
        assert found.score == pytest.approx(0.53, abs=0.02)
        assert (found.significant, found.material, found.predictable) == (True, False, False)

    def test_a_column_that_tells_groups_apart_is_no_relation_where_groups_share_a_label(self):
        rng = np.random.default_rng(2)
        groups = np.repeat(np.arange(24), 20)
        features = noise(24, 3, seed=9)[groups] + 0.01 * rng.normal(size=(480, 3))
        labels = (rng.permutation(24) % 2)[groups]
        assert not predictability(features, labels, seed=0, groups=groups, effort=QUICK).predictable
        assert predictability(features, labels, seed=0, effort=QUICK).score > 0.95

    def test_labels_of_a_group_are_permuted_together(self):
        groups = np.array([2, 0, 1, 2, 0, 1])
        labels = np.array([5, 6, 7, 5, 6, 7])
        permuted = permuted_labels(labels, groups, np.random.default_rng(1))
        assert sorted(permuted) == [5, 5, 6, 6, 7, 7]
        assert all(len(set(permuted[groups == group])) == 1 for group in range(3))

    def test_two_runs_of_one_seed_agree(self):
        labels, effort = np.arange(80) % 2, replace(QUICK, num_folds=2, num_permutations=5)
        one, two = (predictability(noise(80, 2), labels, seed=4, effort=effort) for _ in range(2))
        assert one == two

    def test_labels_with_a_gap_and_other_lengths_are_refused(self):
        with pytest.raises(ValueError, match="each present"):
            predictability(noise(40, 2), np.arange(40) % 2 * 2, seed=0)
        with pytest.raises(ValueError, match="one row an example"):
            predictability(noise(40, 2), np.arange(41) % 2, seed=0)


class TestPowerLaw:
    def test_a_known_law_is_recovered(self):
        law = PowerLaw(a=0.9, b=1.5, c=0.5)
        sizes = [20, 60, 180, 540, 1620]
        fitted = fit_power_law(sizes, np.array([law.at(size) for size in sizes]), np.ones(5))
        assert (fitted.a, fitted.b, fitted.c) == pytest.approx((0.9, 1.5, 0.5))

    def test_rows_for_a_score_are_those_at_which_the_curve_has_it(self):
        law = PowerLaw(a=0.9, b=1.0, c=0.5)
        assert law.rows_for(0.8) == pytest.approx(100)
        assert law.at(100) == pytest.approx(0.8)
        assert law.rows_for(0.9) == float("inf")

    def test_falling_scores_give_a_flat_law(self):
        fitted = fit_power_law([20, 40, 80], np.array([0.8, 0.7, 0.6]), np.ones(3))
        assert (fitted.a, fitted.b) == pytest.approx((0.7, 0.0))

    def test_a_law_never_promises_more_than_one(self):
        assert fit_power_law([20, 40, 80, 160], np.array([0.5, 0.7, 0.85, 0.99]), np.ones(4)).a <= 1.0

    def test_an_interval_counts_infinities(self):
        assert quantile_interval([1.0, 2.0, float("inf")]) == (1.0, float("inf"))


class TestLearningCurve:
    def test_a_saturated_relation_needs_no_more_data(self):
        features = noise(600, 1)
        curve = learning_curve(
            features,
            (features[:, 0] > 0).astype(int),
            probe=linear_probe,
            metric="accuracy",
            seed=0,
            effort=QUICK,
        )
        assert curve.more_data_helps == "no"
        assert curve.interval_at(1200)[0] > 0.95
        assert curve.null_mean == pytest.approx(0.5, abs=0.1)

    def test_a_steep_curve_says_that_more_data_help(self):
        features = noise(400, 60)
        labels = (features @ np.ones(60) > 0).astype(int)
        curve = learning_curve(features, labels, probe=linear_probe, metric="accuracy", seed=0, effort=QUICK)
        assert curve.more_data_helps == "yes"
        assert curve.mean_scores[0] < curve.mean_scores[-1] - 0.1

    def test_no_curve_is_drawn_where_training_sets_have_one_class(self):
        groups = np.repeat([0, 1], 50)
        curve = learning_curve(
            noise(100, 2), groups.copy(), probe=linear_probe, metric="accuracy", groups=groups, seed=0
        )
        assert curve is None


class TestMissingExamples:
    def test_missing_rows_are_counted_a_class(self):
        curve = flat_curve(PowerLaw(a=0.95, b=1.0, c=0.5))
        missing = missing_examples(curve, minimum=0.9, counts=[75, 25])
        assert missing.rows_needed == pytest.approx(400)
        assert (missing.reached, missing.reachable, missing.missing_a_class) == (False, "yes", (225, 75))

    def test_a_target_that_a_hundred_times_the_data_miss_is_out_of_reach(self):
        missing = missing_examples(flat_curve(PowerLaw(a=0.8, b=1.0, c=0.5)), minimum=0.9, counts=[50, 50])
        assert (missing.reached, missing.reachable, missing.missing_a_class) == (False, "no", ())

    def test_a_target_that_is_met_misses_nothing(self):
        missing = missing_examples(flat_curve(PowerLaw(a=0.95, b=0.1, c=0.5)), minimum=0.9, counts=[50, 50])
        assert (missing.reached, missing.missing_a_class) == (True, ())

    def test_a_target_that_only_part_of_the_interval_reaches_is_unclear(self):
        curve = flat_curve(PowerLaw(a=0.8, b=1.0, c=0.5))
        divided = replace(curve, laws=(PowerLaw(a=0.95, b=1.0, c=0.5), *curve.laws))
        missing = missing_examples(divided, minimum=0.9, counts=[50, 50])
        assert (missing.reachable, missing.rows_needed, missing.missing_a_class) == ("unclear", float("inf"), ())


class TestSufficiency:
    def test_thirty_rows_are_an_insufficient_sample_never_a_pass(self):
        labels = np.arange(30) % 2
        found = sufficiency(
            labels[:, None].astype(float), labels, class_counts={"no": 15, "yes": 15}, target=TargetSpec()
        )
        verdict = sufficiency_verdict(found)
        assert found.predictable is None
        assert (verdict.passed, verdict.outcome) == (False, "insufficient_sample")
        assert "50 labelled training rows are needed, there are 30" in verdict.reason

    def test_one_class_is_an_insufficient_sample(self):
        found = sufficiency(noise(60, 1), np.zeros(60, int), class_counts={"no": 60}, target=TargetSpec())
        assert sufficiency_verdict(found).outcome == "insufficient_sample"

    def test_labels_that_are_a_quantity_are_to_be_cut_into_classes(self):
        counts = {f"{number}.5": 1 for number in range(100)}
        found = sufficiency(noise(100, 2), np.arange(100), class_counts=counts, target=TargetSpec())
        assert "100 rows have 100 different labels, as a measured quantity has" in found.shortfall
        assert "label.expression" in found.shortfall

    def test_a_report_names_a_hundred_classes_and_says_how_many_there_are(self):
        counts = {f"{number}.5": 1 for number in range(3000)}
        found = sufficiency(noise(3000, 1), np.arange(3000), class_counts=counts, target=TargetSpec())
        html = sufficiency_report(sufficiency_verdict(found), found, made_of="one column").html()
        assert "the first 100 of 3,000 classes" in html
        assert "99.5" in html
        assert "2999.5" not in html

    def test_a_handful_of_groups_is_an_insufficient_sample(self):
        labels, groups = np.arange(100) % 2, np.arange(100) % 4
        found = sufficiency(noise(100, 1), labels, class_counts={"a": 50, "b": 50}, target=TargetSpec(), groups=groups)
        assert "10 groups of rows are needed, there are 4" in sufficiency_verdict(found).reason

    def test_a_small_class_is_left_out_and_said(self):
        labels = np.r_[np.arange(100) % 2 * 2, np.ones(3, int)]
        features = labels[:, None] + 0.1 * noise(103, 1)
        counts = {"cat": 50, "rare": 3, "dog": 50}
        found = sufficiency(features, labels, class_counts=counts, target=TargetSpec(), effort=QUICK)
        verdict = sufficiency_verdict(found)
        assert verdict.passed
        assert found.class_counts == {"cat": 50, "dog": 50}
        assert [finding.name for finding in verdict.findings] == ["CLASS_TOO_SMALL"]
        assert "'rare' (3)" in verdict.findings[0].message

    def test_no_usable_column_goes_back_to_data_collection(self):
        labels = np.arange(100) % 2
        counts = {"a": 50, "b": 50}
        verdict = sufficiency_verdict(sufficiency(np.zeros((100, 0)), labels, class_counts=counts, target=TargetSpec()))
        assert (verdict.outcome, verdict.findings[0].name) == ("blocked", "NOT_PREDICTABLE")
        assert verdict.reason.startswith("go back to data collection")

    def test_label_noise_puts_a_target_out_of_reach(self):
        rng = np.random.default_rng(0)
        features = noise(800, 1)
        labels = (features[:, 0] > 0).astype(int)
        flipped = np.where(rng.random(800) < 0.25, 1 - labels, labels)
        found = sufficiency(
            features,
            flipped,
            class_counts={"a": 400, "b": 400},
            target=TargetSpec(minimum=0.95),
            effort=QUICK,
        )
        verdict = sufficiency_verdict(found)
        assert verdict.passed
        assert verdict.findings[0].name == "TARGET_OUT_OF_REACH"
        assert "a trained model may do better" in verdict.findings[0].message
