"""A small healthy network for pictures, and the same with one bug each: what the smoke test must find.

`build` is a model of one's own; its option `bug` says which. Tests put this folder on the path to import it by name.
"""

import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Healthy(nn.Module):
    """Two convolutions, batch norm, dropout, a linear layer: every bug changes one thing of it."""

    def __init__(self, num_classes):
        super().__init__()
        self.first = nn.Conv2d(3, 8, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 16, kernel_size=3, stride=2, padding=1)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(16 * 16, num_classes)

    def pooled(self, images):
        maps = functional.relu(self.norm(self.first(images)))
        maps = functional.relu(self.second(maps))
        return functional.adaptive_max_pool2d(maps, 4).flatten(1)

    def forward(self, images):
        return self.head(self.dropout(self.pooled(images)))


class Detached(Healthy):
    def pooled(self, images):
        return super().pooled(images).detach()


class UnusedLayer(Healthy):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.forgotten = nn.Linear(4, 4)


class Softmax(Healthy):
    def forward(self, images):
        return super().forward(images).softmax(dim=1)


class Sigmoid(Healthy):
    def forward(self, images):
        return super().forward(images).sigmoid()


class ExplodingStart(Healthy):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        nn.init.normal_(self.head.weight, std=50.0)


class Logarithm(nn.Module):
    def forward(self, values):
        return values.log()


class LogarithmOfNegative(Healthy):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.logarithm = Logarithm()

    def pooled(self, images):
        return self.logarithm(super().pooled(images) - 100.0)


class BatchMean(Healthy):
    def pooled(self, images):
        values = super().pooled(images)
        return values - values.mean(dim=0, keepdim=True)


class ReshapedAcrossExamples(Healthy):
    def pooled(self, images):
        values = super().pooled(images)
        return values.t().reshape(len(values), -1)


class DropoutAlwaysOn(Healthy):
    def forward(self, images):
        return self.head(functional.dropout(self.pooled(images), 0.3))


class NormAlwaysTraining(Healthy):
    def train(self, mode=True):
        super().train(mode)
        self.norm.train()
        return self


class NormWithoutStatistics(Healthy):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.norm = nn.BatchNorm2d(8, track_running_stats=False)


class FrozenWhole(Healthy):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.requires_grad_(False)


class OutputOfZeros(Healthy):
    def forward(self, images):
        return super().forward(images) * 0.0


class UnseededWeights(Healthy):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        noise = np.random.default_rng().normal(size=(num_classes, 256)) / 16
        self.head.weight.data = torch.from_numpy(noise).float()


class UnseededNoise(Healthy):
    def pooled(self, images):
        values = super().pooled(images)
        if not self.training:
            return values
        return values * torch.from_numpy(np.random.default_rng().normal(1.0, 0.1, size=tuple(values.shape))).float()


class StateOutside(Healthy):
    """A running mean in a plain attribute: neither checkpoint nor bundle holds it."""

    mean = 0.0

    def pooled(self, images):
        values = super().pooled(images)
        if self.training:
            self.mean = 0.5 * self.mean + 0.5 * values.detach().mean(dim=0)
        return values - self.mean


class CountsCalls(Healthy):
    """A dropout that grows with the number of calls, which nothing keeps; evaluation does not see it."""

    calls = 0

    def forward(self, images):
        if self.training:
            self.calls += 1
        return self.head(functional.dropout(self.pooled(images), min(0.1 * self.calls, 0.9), training=self.training))


class Sleepy(Healthy):
    def forward(self, images):
        time.sleep(0.05)
        return super().forward(images)


class MeanOfTokens(nn.Module):
    """For text: the mean of token embeddings, padding counted as if it were a token."""

    def __init__(self, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(512, 8)
        self.head = nn.Linear(8, num_classes)

    def forward(self, tokens, weights):
        return self.head(self.embedding(tokens % 512).mean(dim=1))


class MeanOfTokensWithoutPadding(MeanOfTokens):
    def forward(self, tokens, weights):
        inside = (tokens != 0).unsqueeze(2).float()
        total = (self.embedding(tokens % 512) * inside).sum(dim=1)
        return self.head(total / inside.sum(dim=1).clamp(min=1.0))


class LogisticRegression(nn.Module):
    """For tables: too small to learn a batch by heart, and healthy."""

    def __init__(self, num_classes):
        super().__init__()
        self.linear = nn.Linear(2, num_classes)

    def forward(self, numbers, categories):
        return self.linear(numbers[:, :2])


BUGS = {
    network.__name__: network
    for network in (
        Healthy,
        Detached,
        UnusedLayer,
        Softmax,
        Sigmoid,
        ExplodingStart,
        LogarithmOfNegative,
        BatchMean,
        ReshapedAcrossExamples,
        DropoutAlwaysOn,
        NormAlwaysTraining,
        NormWithoutStatistics,
        FrozenWhole,
        OutputOfZeros,
        UnseededWeights,
        UnseededNoise,
        StateOutside,
        CountsCalls,
        Sleepy,
        MeanOfTokens,
        MeanOfTokensWithoutPadding,
        LogisticRegression,
    )
}


def build(config):
    """The network that the options name."""
    return BUGS[config.options["bug"]](config.num_classes)


class Numbers(nn.Module):
    """A small network for the rows of a table whose label is a number."""

    def __init__(self, num_outputs, num_numbers, bug):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(num_numbers, 64), nn.ReLU(), nn.Linear(64, num_outputs))
        self.bug = bug

    def forward(self, numbers, categories):
        outputs = self.layers(numbers)
        if self.bug == "Positive":
            return functional.softplus(outputs)
        return outputs + 14.0 if self.bug == "Unscaled" else outputs


def build_for_numbers(config):
    """A network of one output."""
    return Numbers(config.num_classes, len(config.features.knots), config.options["bug"])
