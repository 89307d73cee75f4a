from itertools import combinations
import math

import numpy as np
import pytest

from components.model_analysis.slices.null_scores import best_score, null_scores, num_reaching, threshold_of
from components.model_analysis.slices.search import evidence, SliceSearch


def drawn(seed=0, *, num_rows=300, num_conditions=8):
    rng = np.random.default_rng(seed)
    masks = rng.random((num_rows, num_conditions)) < rng.uniform(0.2, 0.6, num_conditions)
    return masks, (rng.random(num_rows) < 0.2).astype(float), rng


def deviance(errors, rows):
    """Twice the log likelihood ratio of the slice's share against that of all, by its textbook form."""
    n, x, p = rows.sum(), errors[rows].sum(), errors.mean()
    share = x / n
    if share <= p:
        return -math.inf
    known = sum(part * math.log(part / usual) for part, usual in ((share, p), (1 - share, 1 - p)) if part > 0)
    return 2 * n * known / (1 - n / len(errors))


@pytest.mark.parametrize("seed", range(3))
def test_every_slice_of_up_to_three_conditions_is_scored_as_by_hand(seed):
    masks, errors, _ = drawn(seed)
    search = SliceSearch(masks, min_examples=10, max_share=0.7, max_conditions=3, is_share=True)
    found = {}
    for level in search.levels(errors):
        members = level.members(np.arange(level.scores.size)).tolist()
        for place, score in zip(members, level.scores.ravel().tolist(), strict=True):
            if math.isfinite(score):
                found[tuple(sorted(place))] = score
    for depth in (1, 2):
        for members in combinations(range(masks.shape[1]), depth):
            rows = masks[:, members].all(axis=1)
            by_hand = deviance(errors, rows) - depth * search.cost if 10 <= rows.sum() <= 210 else -math.inf
            assert found.get(members, -math.inf) == pytest.approx(by_hand, abs=1e-4)
    triples = {members: score for members, score in found.items() if len(members) == 3}
    assert triples
    for members, score in triples.items():
        assert len(set(members)) == 3
        by_hand = deviance(errors, masks[:, members].all(axis=1)) - 3 * search.cost
        assert score == pytest.approx(by_hand, abs=1e-4)


def test_the_evidence_of_a_mean_is_its_squared_standard_score():
    masks, _, rng = drawn()
    errors = rng.exponential(1.0, 300)
    search = SliceSearch(masks, min_examples=10, max_share=0.7, max_conditions=1, is_share=False)
    [level] = search.levels(errors)
    rows = masks[:, 2]
    z = (errors[rows].sum() - rows.sum() * errors.mean()) / math.sqrt(rows.sum() * errors.var() * (1 - rows.mean()))
    expected = z**2 - search.cost if z > 0 else -math.inf
    assert level.scores[0, 2] == pytest.approx(expected, rel=1e-4)


def test_what_is_expected_of_each_example_takes_the_evidence_away():
    masks, errors, _ = drawn()
    errors[masks[:, 0]] = 1.0
    search = SliceSearch(masks, min_examples=10, max_share=0.7, max_conditions=2, is_share=True)
    expected = np.where(masks[:, 0], 0.999, errors[~masks[:, 0]].mean())
    assert best_score(search, errors) > 50
    first = next(iter(search.levels(errors, expected)))
    assert first.scores[0, 0] < 1.0


def test_evidence_is_none_where_what_is_expected_is_seen():
    assert evidence(np.array([3.0]), np.array([3.0]), np.array([10.0]), None) == pytest.approx([0.0])
    assert evidence(np.array([0.0, 10.0]), np.array([5.0, 5.0]), np.array([10.0, 10.0]), None) == pytest.approx(
        [20 * math.log(2)] * 2
    )


def test_the_threshold_is_the_tenth_largest_of_199():
    assert num_reaching(199) == 10
    assert threshold_of(np.arange(199.0)) == 189.0
    assert threshold_of(np.arange(9.0)) == math.inf


def test_the_rest_is_not_drawn_once_it_cannot_matter():
    masks, errors, rng = drawn()
    search = SliceSearch(masks, min_examples=10, max_share=0.7, max_conditions=2, is_share=True)
    assert len(null_scores(search, errors, rng, observed=-math.inf)) == 10
    assert len(null_scores(search, errors, rng, observed=math.inf)) == 199


def test_errors_that_groups_share_need_more_evidence():
    masks, _, rng = drawn(num_rows=600)
    groups = np.repeat(np.arange(30), 20)
    masks[:, 0] = groups < 10
    errors = (rng.random(30) < 0.3)[groups].astype(float)
    search = SliceSearch(masks, min_examples=10, max_share=0.7, max_conditions=1, is_share=False)
    alone = threshold_of(null_scores(search, errors, rng, num_permutations=99), num_permutations=99)
    together = threshold_of(null_scores(search, errors, rng, groups=groups, num_permutations=99), num_permutations=99)
    assert together > 2 * max(alone, 1.0)


def test_more_than_three_conditions_are_refused():
    masks, _, _ = drawn()
    with pytest.raises(ValueError, match="max_conditions must be 1, 2 or 3, got 4"):
        SliceSearch(masks, min_examples=10, max_share=0.7, max_conditions=4, is_share=True)
