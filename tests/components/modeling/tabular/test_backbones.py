"""The network for tables."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional

from components.modeling.backbone_config import BackboneConfig
from components.modeling.tabular.backbones import NumberEmbedding, tabular_backbone
from components.modeling.tabular.features import fit_tabular_features

MLP = BackboneConfig(name="mlp")


def made(columns):
    """Features, and the tensors of all rows."""
    features = fit_tabular_features([columns], {name: values.type for name, values in columns.items()})
    inputs = {name: torch.from_numpy(values) for name, values in features.prepare(columns).items()}
    return features, features.tensors(inputs)


def trips(num_rows=60):
    generator = np.random.default_rng(0)
    return {
        "miles": pa.array([None, *generator.lognormal(size=num_rows - 1)], pa.float64()),
        "paid": pa.array(generator.choice(["card", "cash"], num_rows)),
    }


@pytest.fixture(autouse=True)
def one_thread():
    """So small a network is no quicker with more, and far slower where others want the cores too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def accuracy_after_training(columns, labels, *, num_steps=150):
    features, tensors = made(columns)
    torch.manual_seed(0)
    backbone, embedding_size = tabular_backbone(features, MLP)
    network = torch.nn.ModuleList([backbone, torch.nn.Linear(embedding_size, 2)])
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    targets = torch.from_numpy(np.asarray(labels, np.int64))
    learnt, held_out = slice(0, len(targets) // 2), slice(len(targets) // 2, None)
    for _ in range(num_steps):
        loss = functional.cross_entropy(network[1](backbone(*(part[learnt] for part in tensors))), targets[learnt])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    backbone.eval()
    with torch.inference_mode():
        right = network[1](backbone(*tensors)).argmax(dim=1) == targets
    return right[held_out].float().mean().item()


@pytest.mark.parametrize("columns", [trips(), {"miles": trips()["miles"]}, {"paid": trips()["paid"]}])
def test_numbers_categories_or_both_become_embeddings(columns):
    features, tensors = made(columns)
    backbone, embedding_size = tabular_backbone(features, MLP)
    with torch.inference_mode():
        assert backbone.eval()(*tensors).shape == (60, embedding_size)
        assert backbone(*(part[:0] for part in tensors)).shape == (0, embedding_size)


def test_a_number_is_spread_over_its_knots():
    embedding = NumberEmbedding([(0.0, 1.0, 3.0), (-1.0, 1.0)])
    with torch.no_grad():
        embedding.weight_FTE.fill_(1.0)
        embedding.bias_FE.fill_(0.0)
    found = embedding(torch.tensor([[-5.0, -1.0], [0.5, 0.0], [2.0, 9.0], [9.0, 1.0]])).reshape(4, 2, -1)[:, :, 0]
    # The sum over the bins: 0 to 2 for the first number, 0 to 1 for the second, which has one bin.
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.0], [0.5, 0.5], [1.5, 1.0], [2.0, 1.0]]))


def test_an_example_does_not_depend_on_its_batch_in_training_either():
    features, tensors = made(trips())
    backbone, _ = tabular_backbone(features, BackboneConfig(name="mlp", dropout=0.0))
    together = backbone.train()(*tensors)
    alone = backbone(*(part[3:4] for part in tensors))
    torch.testing.assert_close(alone, together[3:4])


def test_a_category_without_a_code_begins_at_nothing():
    features, _ = made({"paid": trips()["paid"]})
    backbone, _ = tabular_backbone(features, MLP)
    assert backbone.categories(torch.tensor([[0]])).abs().max() == 0
    assert backbone.categories(torch.tensor([[1]])).abs().max() > 0


def test_what_is_rebuilt_from_written_features_takes_the_weights():
    features, tensors = made(trips())
    first, _ = tabular_backbone(features, MLP)
    torch.manual_seed(1)
    second, _ = tabular_backbone(features, MLP)
    second.load_state_dict(first.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(second.eval()(*tensors), first.eval()(*tensors))
    assert all(torch.isfinite(value).all() for value in first.state_dict().values())


def test_a_single_number_may_mean_anything():
    values = np.random.default_rng(1).uniform(0, 12, 1000)
    assert accuracy_after_training({"month": pa.array(values)}, np.floor(values) % 3 == 1) > 0.9


def test_two_numbers_that_matter_only_together_are_found():
    values = np.random.default_rng(2).normal(size=(1000, 2))
    columns = {"a": pa.array(values[:, 0]), "b": pa.array(values[:, 1])}
    assert accuracy_after_training(columns, values[:, 0] * values[:, 1] > 0) > 0.9


def test_a_rule_over_two_categories_is_found():
    generator = np.random.default_rng(3)
    areas, ways = generator.integers(0, 6, 1000), generator.integers(0, 4, 1000)
    columns = {"area": pa.array([f"area {area}" for area in areas]), "way": pa.array([f"way {way}" for way in ways])}
    assert accuracy_after_training(columns, (areas + ways) % 3 == 0) > 0.95


def test_there_are_no_published_weights():
    features, _ = made(trips())
    with pytest.raises(ValueError, match="no published weights"):
        tabular_backbone(features, BackboneConfig(name="mlp", pretrained=True))
