"""The network for tables: piecewise linear numbers, embeddings of categories, and an MLP beside a linear path.

Every number is spread over its knots (piecewise linear encoding) and embedded, so that the output may step and turn
with each number alone; the MLP learns interactions; the linear path keeps what is linear easy. An example's output
depends on no other example: normalisation is over the layer.

Shapes: B examples, F numbers, C categories, T bins, E numbers of one embedding, D embedding.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from components.modeling.backbone_config import BackboneConfig
from components.modeling.tabular.features import TabularFeatures

_NUMBER_SIZE = 4
_MAX_CATEGORY_SIZE = 24
_HIDDEN_SIZE = 128
_NUM_LAYERS = 2


class NumberEmbedding(nn.Module):
    """Embeds every number by itself: where it lies between its ascending knots, through one linear layer and ReLU.

    References
    ----------
    Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning" (2022), sections
    3.2 (piecewise linear encoding) and 3.4 (the layer after it).
    """

    starts_FT: torch.Tensor
    steepness_FT: torch.Tensor

    def __init__(self, knots: Sequence[Sequence[float]]) -> None:
        super().__init__()
        num_bins = max(len(values) - 1 for values in knots)
        starts_FT = torch.zeros(len(knots), num_bins)
        steepness_FT = torch.zeros(len(knots), num_bins)
        for number, values in enumerate(knots):
            ends = torch.tensor(values, dtype=torch.float32)
            starts_FT[number, : len(ends) - 1] = ends[:-1]
            # Bins that a number has no knots for stay flat.
            steepness_FT[number, : len(ends) - 1] = 1.0 / ends.diff()
        # They come back with the features.
        self.register_buffer("starts_FT", starts_FT, persistent=False)
        self.register_buffer("steepness_FT", steepness_FT, persistent=False)
        self.weight_FTE = nn.Parameter(0.1 * torch.randn(len(knots), num_bins, _NUMBER_SIZE))
        self.bias_FE = nn.Parameter(0.1 * torch.randn(len(knots), _NUMBER_SIZE))

    def forward(self, numbers_BF: torch.Tensor) -> torch.Tensor:
        """Embeddings of the shape (B, F * E)."""
        bins_BFT = ((numbers_BF[:, :, None] - self.starts_FT) * self.steepness_FT).clamp(0.0, 1.0)
        return functional.relu(torch.einsum("bft,fte->bfe", bins_BFT, self.weight_FTE) + self.bias_FE).flatten(1)


class CategoryEmbeddings(nn.Module):
    """A table of embeddings for each category, given its number of codes; code 0, of unknown values, begins at 0."""

    def __init__(self, num_codes: Sequence[int]) -> None:
        super().__init__()
        # Fewer numbers than codes, in the proportion that fastai found to do well.
        sizes = [min(_MAX_CATEGORY_SIZE, round(1.6 * count**0.56)) for count in num_codes]
        self.tables = nn.ModuleList([nn.Embedding(count, size) for count, size in zip(num_codes, sizes, strict=True)])
        self.size = sum(sizes)
        for table in self.tables:
            assert isinstance(table, nn.Embedding)
            nn.init.normal_(table.weight, std=0.3)
            nn.init.zeros_(table.weight[:1])

    def forward(self, categories_BC: torch.Tensor) -> torch.Tensor:
        """Embeddings of the shape (B, sum of E)."""
        return torch.cat([table(categories_BC[:, number]) for number, table in enumerate(self.tables)], dim=1)


class TabularNetwork(nn.Module):
    """Numbers and categories in, embeddings out; F or C may be 0, not both. `dropout` acts between two layers."""

    embedding_size = _HIDDEN_SIZE

    def __init__(self, knots: Sequence[Sequence[float]], num_codes: Sequence[int], *, dropout: float) -> None:
        super().__init__()
        self.numbers = NumberEmbedding(knots) if knots else None
        self.categories = CategoryEmbeddings(num_codes) if num_codes else None
        size = len(knots) * (1 + _NUMBER_SIZE) + (self.categories.size if self.categories else 0)
        layers: list[nn.Module] = []
        for layer in range(_NUM_LAYERS):
            # The head's dropout follows the last layer.
            layers += [nn.Dropout(dropout)] if layer else []
            layers.append(nn.Linear(_HIDDEN_SIZE if layer else size, _HIDDEN_SIZE))
            layers += [nn.LayerNorm(_HIDDEN_SIZE), nn.ReLU()]
        self.perceptron = nn.Sequential(*layers)
        self.linear = nn.Linear(size, _HIDDEN_SIZE, bias=False)
        nn.init.normal_(self.linear.weight, std=0.01)

    def forward(self, numbers_BF: torch.Tensor, categories_BC: torch.Tensor) -> torch.Tensor:
        """Embeddings, shape (B, D), of scaled numbers, shape (B, F), float, and codes, shape (B, C), int64."""
        parts = [] if self.numbers is None else [numbers_BF, self.numbers(numbers_BF)]
        if self.categories is not None:
            parts.append(self.categories(categories_BC))
        encoded = torch.cat(parts, dim=1)
        embeddings_BD: torch.Tensor = self.perceptron(encoded) + self.linear(encoded)
        return embeddings_BD


def tabular_backbone(features: TabularFeatures, config: BackboneConfig) -> tuple[nn.Module, int]:
    """Backbone for tables, and its D; ValueError if published weights are asked for."""
    if config.pretrained:
        raise ValueError("mlp has no published weights: set pretrained to false")
    network = TabularNetwork(features.knots, features.num_codes, dropout=config.dropout)
    return network, network.embedding_size
