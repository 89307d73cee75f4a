"""What is chosen of planted pools, whatever the order and the parts in which they are read."""

import math

import numpy as np
import pytest

from components.active_learning.random_order import random_order
from components.active_learning.selection.batches import Batch, chosen_batch
from components.active_learning.selection.budget import BatchSettings, budget_split, is_cold, shares_from
from components.active_learning.selection.diversity import farthest_rows, typical_rows, unsure_rows_apart
from components.active_learning.selection.pool_rows import PoolRows
from components.active_learning.selection.shortlists import Shortlists, shortlists_of
from components.active_learning.selection.uncertainty import entropy, least_confidence, margin, uncertainty_scores
from tests.components.active_learning.planted_pools import clustered, HELD_OUT_SEEDS, PlantedPool, SEEDS, spammed

NAMES = ("bad", "good")
MOSTLY_MARGIN = {"margin": 0.8, "random": 0.2}
ALL_SEEDS = SEEDS + HELD_OUT_SEEDS


def rows_of(pool: PlantedPool, *, seed: int = 0) -> PoolRows:
    return PoolRows(
        example_ids=np.array(pool.example_ids, dtype=object),
        order=random_order(pool.example_ids, seed),
        probabilities=pool.probabilities,
        embeddings=pool.embeddings,
        content_ids=np.zeros(len(pool.kinds), np.uint64),
    )


def lists_of(rows: PoolRows, *, part_rows: int = 1000, size: int = 100, left_out: tuple[str, ...] = ()) -> Shortlists:
    parts = [rows.take(np.arange(start, min(start + part_rows, len(rows)))) for start in range(0, len(rows), part_rows)]
    told = ((part, np.isin(part.example_ids, left_out)) for part in parts)
    return shortlists_of(told, ["margin"], size=size)


def kinds_of(batch: Batch, pool: PlantedPool, strategy: str) -> list[int]:
    kind_of = dict(zip(pool.example_ids, pool.kinds.tolist(), strict=True))
    return [kind_of[choice.example_id] for choice in batch.choices if choice.strategy == strategy]


def test_scores_are_those_of_the_textbook() -> None:
    p = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    by_hand = -(0.5 * math.log(0.5) + 0.3 * math.log(0.3) + 0.2 * math.log(0.2))
    np.testing.assert_allclose(entropy(p), [by_hand, 0.0])
    np.testing.assert_allclose(least_confidence(p), [0.5, 0.0])
    np.testing.assert_allclose(margin(p), [0.8, 0.0])


def test_mutual_information_is_refused_where_the_table_has_none() -> None:
    with pytest.raises(ValueError, match="score the pool with dropout passes"):
        uncertainty_scores(rows_of(spammed(0, planted=False)), "mutual_information")


@pytest.mark.parametrize("seed", ALL_SEEDS)
def test_the_same_comment_is_asked_about_once(seed: int) -> None:
    settings = BatchSettings(budget=20, shares={"margin": 1.0})
    for planted, fewest, most in ((True, 0, 1), (False, 8, 20)):
        pool = spammed(seed, planted=planted)
        batch = chosen_batch(lists_of(rows_of(pool)), settings, NAMES)
        assert len(batch.choices) == 20
        assert fewest <= kinds_of(batch, pool, "margin").count(1) <= most


@pytest.mark.parametrize("seed", ALL_SEEDS)
def test_typical_rows_come_from_every_group_and_are_no_outliers(seed: int) -> None:
    for planted in (True, False):
        pool = clustered(seed, planted=planted)
        chosen = pool.kinds[typical_rows(pool.embeddings, np.zeros((0, 16)), 6, seed=0)]
        assert -1 not in chosen
        assert len(set(chosen.tolist())) >= 5


def test_typical_rows_pass_over_groups_that_are_labelled() -> None:
    pool = clustered(0, planted=False)
    covered = pool.embeddings[pool.kinds >= 3][::10]
    chosen = pool.kinds[typical_rows(pool.embeddings, covered, 3, seed=0)]
    assert set(chosen.tolist()) <= {0, 1, 2}


@pytest.mark.parametrize("seed", ALL_SEEDS)
def test_far_rows_are_what_nothing_is_like(seed: int) -> None:
    pool = clustered(seed, planted=True)
    chosen = pool.kinds[farthest_rows(pool.embeddings, pool.embeddings[pool.kinds >= 0], 8)]
    assert set(chosen.tolist()) == {-1}


def test_far_rows_are_those_of_the_paper() -> None:
    angles = np.radians([0.0, 10.0, 90.0, 180.0, 200.0])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    assert farthest_rows(vectors, vectors[:1], 3).tolist() == [3, 2, 4]


def test_unsure_rows_lie_apart() -> None:
    embeddings = np.repeat(np.eye(4), 10, axis=0)
    scores = np.linspace(1.0, 0.9, 40)
    chosen = unsure_rows_apart(scores, np.full((40, 2), [0.45, 0.55]), embeddings, 4, seed=0)
    assert chosen[0] == 0
    assert len(set((chosen // 10).tolist())) == 4
    scores[10:] = 0.0  # of rows that the model is sure of at most one is a change
    assert (unsure_rows_apart(scores, np.full((40, 2), [0.45, 0.55]), embeddings, 2, seed=0) < 10).sum() >= 1


def test_a_shortlist_depends_on_neither_order_nor_parts() -> None:
    rows = rows_of(spammed(0, planted=True, num_rows=3000))
    mixed = rows.take(np.random.default_rng(1).permutation(len(rows)))
    lists = [lists_of(rows, part_rows=3000), lists_of(mixed, part_rows=7), lists_of(mixed, part_rows=700)]
    for strategy in ("margin", "random"):
        first, *others = [found.by_strategy[strategy].example_ids.tolist() for found in lists]
        assert len(first) == 100
        assert all(other == first for other in others)
    ranked = np.sort(margin(rows.probabilities))[::-1]
    assert margin(lists[1].by_strategy["margin"].probabilities).min() <= ranked[100]


def test_random_rows_are_drawn_evenly_and_by_the_seed() -> None:
    names = [f"row-{number}" for number in range(4000)]
    orders = [random_order(names, seed) for seed in (0, 0, 1)]
    assert (orders[0] == orders[1]).all()
    first = {seed: set(np.argsort(order)[:2000].tolist()) for seed, order in zip((0, 1), orders[1:], strict=True)}
    assert 900 < len(first[0] & first[1]) < 1100
    assert 900 < sum(place < 2000 for place in first[0]) < 1100


def test_rows_at_random_are_chosen_whatever_the_model_says() -> None:
    pool, settings = spammed(0, planted=True), BatchSettings(budget=50, shares=MOSTLY_MARGIN)
    turned = PlantedPool(
        example_ids=pool.example_ids,
        probabilities=pool.probabilities[::-1],
        embeddings=pool.embeddings,
        kinds=pool.kinds,
    )
    chosen = [
        [c.example_id for c in chosen_batch(lists_of(rows_of(one)), settings, NAMES).choices if c.strategy == "random"]
        for one in (pool, turned)
    ]
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 10


def test_what_is_labelled_or_asked_is_left_out() -> None:
    rows = rows_of(spammed(0, planted=False))
    settings = BatchSettings(budget=20, shares=MOSTLY_MARGIN)
    first = [choice.example_id for choice in chosen_batch(lists_of(rows), settings, NAMES).choices]
    lists = lists_of(rows, left_out=tuple(first))
    second = [choice.example_id for choice in chosen_batch(lists, settings, NAMES).choices]
    assert lists.num_left_out == len(first) == len(second) == 20
    assert not set(first) & set(second)


def test_equal_contents_are_asked_about_once_at_random_too() -> None:
    rows = rows_of(spammed(0, planted=False))
    contents = np.arange(1, len(rows) + 1, dtype=np.uint64)
    contents[::2] = 7
    settings = BatchSettings(budget=40, shares={"random": 1.0})
    batch = chosen_batch(lists_of(rows.with_contents(contents), size=400), settings, NAMES, known_contents=[8])
    content_of = dict(zip(rows.example_ids.tolist(), contents.tolist(), strict=True))
    asked = [content_of[choice.example_id] for choice in batch.choices]
    assert len(asked) == 40
    assert asked.count(7) <= 1
    assert 8 not in asked


def test_few_labels_are_spent_by_diversity_and_every_row_says_why() -> None:
    lists = lists_of(rows_of(clustered(0, planted=False)), size=400)
    settings = BatchSettings(budget=20, shares=MOSTLY_MARGIN)
    cold = chosen_batch(lists, settings, NAMES, cold=True).choices
    assert [choice.strategy for choice in cold] == ["random"] * 4 + ["diversity"] * 16
    warm = chosen_batch(lists, settings, NAMES).choices
    assert {choice.strategy for choice in warm} == {"random", "margin"}
    assert warm[-1].why == "The model hesitates: bad has 50%, good 50%."
    assert "at random" in cold[0].why
    assert is_cold(39, 2)
    assert not is_cold(40, 2)


def test_without_embeddings_few_labels_are_spent_at_random() -> None:
    settings = BatchSettings(budget=10, shares=MOSTLY_MARGIN)
    assert budget_split(settings, cold=True, has_embeddings=False) == {"random": 10}
    assert budget_split(settings, cold=False, has_embeddings=False) == {"margin": 8, "random": 2}


def test_a_pool_smaller_than_the_budget_is_asked_about_whole() -> None:
    rows = rows_of(spammed(0, planted=False)).take(np.arange(15))
    settings = BatchSettings(budget=40, shares=MOSTLY_MARGIN)
    assert len(chosen_batch(lists_of(rows), settings, NAMES).choices) == 15
    nothing = lists_of(rows, left_out=tuple(rows.example_ids))
    assert not chosen_batch(nothing, settings, NAMES).choices


def test_shares_are_read_and_checked() -> None:
    assert shares_from("margin=0.5, random=0.5") == {"margin": 0.5, "random": 0.5}
    assert shares_from("entropy") == {"entropy": 1.0}
    assert shares_from("") == {"margin": 0.8, "random": 0.2}
    for text in ("margin=0.5,margin=0.5", "margn=1", "margin=much,random=0.5"):
        with pytest.raises(ValueError, match=r"must be"):
            shares_from(text)
    with pytest.raises(ValueError, match=r"add up to 1, got 0\.9"):
        BatchSettings(budget=10, shares={"margin": 0.7, "random": 0.2})
    with pytest.raises(ValueError, match="at least 1 label"):
        BatchSettings(budget=0)
