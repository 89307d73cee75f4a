"""Batches depend on the seed and the epoch, and on nothing else."""

from dataclasses import replace
from itertools import chain
import threading

import numpy as np
import pytest
import torch

from components.modeling.augmentation.augmenter import Augmenter
from components.shared.feature_store.store import FeatureStore
from components.training.trainer.batches import batch_loader, StoredExamples
from components.training.trainer.epoch_batches import Division, EpochBatches, HeldOutBatches, Place
from components.training.trainer.tiny_sample import tiny_sample

ALONE = Division()
EPOCH_TWO = {"seed": 0, "epoch": 2, "batch_size": 8}


def epoch_batches(num_rows=20, *, weights=None, epoch=0, batch_size=8, division=ALONE, first=0):
    weights = np.ones(num_rows) if weights is None else weights
    settings = {"seed": 0, "epoch": epoch, "batch_size": batch_size, "division": division, "first": first}
    return EpochBatches(np.arange(5, 5 + num_rows), weights, **settings)


def rows_of(batches):
    return [[place.row for place in part if place.weight] for part in batches]


def loaded(store, *, epoch, num_workers=0, seed=3):
    augmenter = Augmenter(store.preparation["augmentation"])
    rows = store.indices("train")
    batches = EpochBatches(rows, np.ones(len(rows)), seed=seed, epoch=epoch, batch_size=16, division=ALONE)
    dataset = StoredExamples(store, augmenter=augmenter, seed=seed)
    return list(batch_loader(dataset, batches, num_workers=num_workers, pinned=False))


@pytest.mark.parametrize("num_workers", [1, 2, 5])
def test_workers_change_nothing(stripes_store, num_workers):
    store = FeatureStore(stripes_store)
    alone = loaded(store, epoch=1)
    helped = loaded(store, epoch=1, num_workers=num_workers)
    assert len(alone) == len(helped) == 5
    for one, other in zip(alone, helped, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def loader_of(store, num_workers, **changes):
    rows = store.indices("train")
    settings = {"seed": 0, "epoch": 0, "batch_size": 8, "division": ALONE, **changes}
    dataset = StoredExamples(store, augmenter=Augmenter(store.preparation["augmentation"]), seed=0)
    batches = EpochBatches(rows, np.ones(len(rows)), **settings)
    return batch_loader(dataset, batches, num_workers=num_workers, pinned=False)


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_an_example_is_the_same_picture_in_whatever_batch_it_comes(stripes_store, num_workers):
    store = FeatureStore(stripes_store)
    single = StoredExamples(store, augmenter=Augmenter(store.preparation["augmentation"]), seed=0)
    division = Division(num_processes=2, rank=1)
    order = list(chain(*EpochBatches(store.indices("train"), np.ones(80), **EPOCH_TWO, division=division)))
    loader = loader_of(store, num_workers, **EPOCH_TWO, division=division)
    pictures = torch.cat([batch["inputs"]["image"] for batch in loader])
    assert len(order) == len(pictures) == 40
    for place, picture in zip(order, pictures, strict=True):
        assert torch.equal(single[place]["inputs"]["image"][0], picture)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_batch_that_was_handed_over_is_not_written_again(stripes_store, num_workers):
    loader = loader_of(FeatureStore(stripes_store), num_workers)
    iterator = iter(loader)
    first = next(iterator)["inputs"]["image"]
    before = first.clone()
    rest = [batch["inputs"]["image"] for batch in iterator]
    assert len(rest) == 9
    assert torch.equal(first, before)
    assert len({batch.data_ptr() for batch in (first, *rest)}) == 10


def test_workers_end_with_the_epoch_and_where_it_is_left(stripes_store):
    loader = loader_of(FeatureStore(stripes_store), 2)
    before = threading.active_count()
    assert len(list(loader)) == len(loader) == 10
    assert threading.active_count() == before
    iterator = iter(loader)
    next(iterator)
    assert threading.active_count() > before
    iterator.close()
    assert threading.active_count() == before


def test_few_batches_are_prepared_ahead(stripes_store):
    asked = []

    class Watched(EpochBatches):
        def __iter__(self):
            for places in super().__iter__():
                asked.append(len(places))
                yield places

    store = FeatureStore(stripes_store)
    batches = Watched(store.indices("train"), np.ones(80), seed=0, epoch=0, batch_size=4, division=ALONE)
    loader = batch_loader(StoredExamples(store, augmenter=None, seed=0), batches, num_workers=2, pinned=False)
    iterator = iter(loader)
    next(iterator)
    assert len(asked) == 4
    iterator.close()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_error_in_a_worker_reaches_the_training(stripes_store, num_workers):
    store = FeatureStore(stripes_store)
    dataset = StoredExamples(store, augmenter=None, seed=0)
    batches = HeldOutBatches(np.array([0, 1, len(store) + 5]), batch_size=2, division=ALONE)
    loader = batch_loader(dataset, batches, num_workers=num_workers, pinned=False)
    with pytest.raises(IndexError):
        list(loader)


def test_an_epoch_repeats_and_the_next_one_differs(stripes_store):
    store = FeatureStore(stripes_store)
    first, again, second = (loaded(store, epoch=epoch)[0]["inputs"]["image"] for epoch in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_an_epoch_visits_every_row_once_in_another_order_than_the_next():
    rows = list(chain(*rows_of(epoch_batches(epoch=4))))
    assert sorted(rows) == list(range(5, 25))
    assert rows != list(chain(*rows_of(epoch_batches(epoch=5))))


def test_labels_and_shares_belong_to_their_examples(stripes_store):
    store = FeatureStore(stripes_store)
    dataset = StoredExamples(store, augmenter=None, seed=0)
    batch = dataset.__getitems__([Place(0, 70, 0.25, 2.0), Place(0, 3, 0.75, 1.0)])
    assert batch["labels"].tolist() == [1, 0]
    assert batch["shares"].tolist() == [0.25, 0.75]
    assert batch["weights"].tolist() == [2.0, 1.0]
    np.testing.assert_array_equal(batch["inputs"]["image"].numpy(), store.gather(np.array([70, 3]))["image"])


@pytest.mark.parametrize(("num_processes", "num_passes"), [(1, 1), (2, 1), (1, 3), (2, 2), (4, 2)])
def test_a_step_is_the_same_rows_however_it_is_divided(num_processes, num_passes):
    whole = rows_of(epoch_batches())
    division = Division(num_processes=num_processes, num_passes=num_passes)
    of_ranks = [rows_of(epoch_batches(division=replace(division, rank=rank))) for rank in range(num_processes)]
    assert {len(parts) for parts in of_ranks} == {len(whole) * num_passes}
    for step, rows in enumerate(whole):
        parts = [parts[step * num_passes + number] for number in range(num_passes) for parts in of_ranks]
        assert list(chain(*parts)) == rows


@pytest.mark.parametrize("division", [ALONE, Division(num_processes=2), Division(num_processes=3, num_passes=2)])
def test_the_mean_over_parts_of_the_weighted_losses_is_the_weighted_mean_of_the_step(division):
    weights = np.random.default_rng(0).uniform(0.2, 3.0, 20)
    losses = np.random.default_rng(1).uniform(0.0, 2.0, 25)
    parts = [
        list(epoch_batches(weights=weights, division=replace(division, rank=rank)))
        for rank in range(division.num_processes)
    ]
    for step in range(3):
        passes = range(step * division.num_passes, (step + 1) * division.num_passes)
        places = [of_rank[number] for number in passes for of_rank in parts]
        mean = np.mean([sum(place.share * losses[place.row] for place in part) for part in places])
        weighed = [(weights[place.row - 5], losses[place.row]) for part in places for place in part if place.weight]
        assert mean == pytest.approx(
            np.average([loss for _, loss in weighed], weights=[weight for weight, _ in weighed])
        )


def test_no_part_is_ever_empty_or_of_one_example():
    division = Division(num_processes=3, num_passes=2)
    for rank in range(3):
        for part in epoch_batches(num_rows=9, division=replace(division, rank=rank)):
            assert len(part) >= 2
    assert [len(part) for part in epoch_batches(num_rows=18)] == [8, 8, 2]


def test_a_single_leftover_example_is_left_out():
    assert [len(part) for part in epoch_batches(num_rows=17)] == [8, 8]
    assert [len(part) for part in epoch_batches(num_rows=2, batch_size=2)] == [2]


def test_an_interrupted_epoch_goes_on_with_the_parts_that_are_left():
    division = Division(num_processes=2, rank=1, num_passes=2)
    whole, rest = epoch_batches(division=division), epoch_batches(division=division, first=3)
    assert len(rest) == len(whole) == 6
    assert list(rest) == list(whole)[3:]


@pytest.mark.parametrize("num_processes", [1, 2, 3, 7])
def test_held_out_rows_are_each_weighed_once_and_every_process_has_as_many_batches(num_processes):
    of_ranks = [
        list(HeldOutBatches(np.arange(5), batch_size=2, division=Division(num_processes=num_processes, rank=rank)))
        for rank in range(num_processes)
    ]
    assert len({len(batches) for batches in of_ranks}) == 1
    weighed = [place.row for batches in of_ranks for batch in batches for place in batch if place.weight]
    assert sorted(weighed) == [0, 1, 2, 3, 4]


def test_a_tiny_sample_holds_every_class_evenly():
    labels = np.array([0] * 50 + [1] * 5 + [2] * 50)
    sample = tiny_sample(np.arange(105), labels, max_examples=15)
    assert np.bincount(labels[sample]).tolist() == [5, 5, 5]
    assert (np.diff(sample) > 0).all()


def test_a_tiny_sample_takes_all_where_there_are_few():
    assert tiny_sample(np.arange(3), np.zeros(3), max_examples=10).tolist() == [0, 1, 2]
    assert tiny_sample(np.arange(3), np.zeros(3), max_examples=None).tolist() == [0, 1, 2]


@pytest.mark.gpu
def test_pinned_batches_hold_the_same(stripes_store):
    store = FeatureStore(stripes_store)
    dataset = StoredExamples(store, augmenter=None, seed=0)
    batches = HeldOutBatches(np.arange(10), batch_size=4, division=ALONE)
    plain, pinned = (
        list(batch_loader(dataset, batches, num_workers=2, pinned=is_pinned)) for is_pinned in (False, True)
    )
    assert all(batch["inputs"]["image"].is_pinned() for batch in pinned)
    torch.testing.assert_close(plain, pinned, rtol=0, atol=0)
