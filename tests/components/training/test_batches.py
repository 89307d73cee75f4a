"""Batches depend on the seed and the epoch, and on nothing else."""

import numpy as np
import pytest
import torch

from components.modeling.augmentation import Augmenter
from components.shared.feature_store import ImageStore
from components.training.batches import batch_loader, EpochSampler, StoredImages, tiny_sample


def batches(store, *, epoch, num_workers=0, seed=3):
    augmenter = Augmenter(store.preparation["augmentation"])
    loader = batch_loader(
        StoredImages(store, augmenter=augmenter, seed=seed),
        store.indices("train"),
        seed=seed,
        batch_size=16,
        shuffled=True,
        num_workers=num_workers,
        pinned=False,
    )
    loader.sampler.set_epoch(epoch)
    return list(loader)


@pytest.mark.parametrize("num_workers", [1, 2])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_workers_change_nothing(stripes_store, num_workers):
    store = ImageStore(stripes_store)
    alone = batches(store, epoch=1)
    helped = batches(store, epoch=1, num_workers=num_workers)
    assert len(alone) == len(helped) == 5
    for one, other in zip(alone, helped, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_an_epoch_repeats_and_the_next_one_differs(stripes_store):
    store = ImageStore(stripes_store)
    first, again, second = (batches(store, epoch=epoch)[0]["images"] for epoch in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_an_epoch_visits_every_row_once():
    sampler = EpochSampler(np.arange(5, 25), seed=0, shuffled=True)
    sampler.set_epoch(4)
    places = list(sampler)
    assert {epoch for epoch, _ in places} == {4}
    assert sorted(row for _, row in places) == list(range(5, 25))
    assert [row for _, row in places] != list(range(5, 25))


def test_labels_belong_to_their_images(stripes_store):
    store = ImageStore(stripes_store)
    dataset = StoredImages(store, augmenter=None, seed=0)
    batch = dataset.__getitems__([(0, 70), (0, 3)])
    assert batch["labels"].tolist() == [1, 0]
    np.testing.assert_array_equal(batch["images"].numpy(), store.gather(np.array([70, 3])))


def test_a_single_leftover_example_is_dropped_in_training_only(stripes_store):
    dataset = StoredImages(ImageStore(stripes_store), augmenter=None, seed=0)
    settings = {"seed": 0, "batch_size": 4, "num_workers": 0, "pinned": False}
    assert len(batch_loader(dataset, np.arange(9), shuffled=True, **settings)) == 2
    assert len(batch_loader(dataset, np.arange(9), shuffled=False, **settings)) == 3


def test_a_tiny_sample_holds_every_class_evenly():
    labels = np.array([0] * 50 + [1] * 5 + [2] * 50)
    sample = tiny_sample(np.arange(105), labels, max_examples=15)
    assert np.bincount(labels[sample]).tolist() == [5, 5, 5]
    assert (np.diff(sample) > 0).all()


def test_a_tiny_sample_takes_all_where_there_are_few():
    assert tiny_sample(np.arange(3), np.zeros(3), max_examples=10).tolist() == [0, 1, 2]
    assert tiny_sample(np.arange(3), np.zeros(3), max_examples=None).tolist() == [0, 1, 2]
