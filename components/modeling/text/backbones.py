"""Backbones for texts: a weighted bag of tokens, which are character n-grams or fitted subwords.

Shapes: B texts, T tokens of the longest text, D embedding.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from components.modeling.backbone_config import BackboneConfig, CHAR_NGRAMS, SUBWORDS
from components.modeling.text.char_ngrams import TextFeatures
from components.modeling.text.fitted_subwords import FittedSubwords
from components.shared.feature_store.blocks import PADDING
from components.shared.runtime.errors import ContractError

_EMBEDDING_SIZE = 16
_INITIAL_SPREAD = 0.02
_RARE_POWER = 0.25
_FEATURES: dict[str, tuple[type[TextFeatures | FittedSubwords], str]] = {
    CHAR_NGRAMS: (TextFeatures, "character n-grams"),
    SUBWORDS: (FittedSubwords, "fitted subwords"),
}


def token_bag(features: Any, config: BackboneConfig) -> tuple[nn.Module, int]:
    """Backbone `char_ngrams` or `subwords`, and its D: tokens, (B, T), int64, and weights, (B, T), float32, in.

    ContractError if the features are others, or published weights are asked for.
    """
    kind, described = _FEATURES[config.name]
    if not isinstance(features, kind):
        raise ContractError(f"{config.name} must have features of {described}, got {type(features).__name__}")
    if config.pretrained:
        raise ContractError(f"{config.name} has no published weights: set pretrained to false")
    return TokenBag(features.num_buckets), _EMBEDDING_SIZE


class TokenBag(nn.Module):
    """Sum of the tokens' vectors, weighted by how often a text holds them and how few texts do; token 0 is padding.

    The weights of a text have length 1, as in TF-IDF. Beyond that, a rare token moves the sum less: AdamW moves the
    vector of a token that it meets once an epoch about as far as that of one it meets in every batch, and would overfit
    rare ones. A token that no training text holds has weight 0. With the linear head behind it, this is a linear model
    over tokens whose classes share D directions.

    References
    ----------
    Joulin et al., "Bag of Tricks for Efficient Text Classification" (2017), for hashed n-grams and a shared linear
    layer; Spärck Jones, "A statistical interpretation of term specificity" (1972), for the inverse document frequency.
    """

    rarity: torch.Tensor
    trust: torch.Tensor

    def __init__(self, num_buckets: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(num_buckets + 1, _EMBEDDING_SIZE, padding_idx=PADDING)
        with torch.no_grad():
            self.vectors.weight.mul_(_INITIAL_SPREAD)
        self.register_buffer("rarity", torch.ones(num_buckets + 1))
        self.register_buffer("trust", torch.ones(num_buckets + 1))

    def adapt(self, batches: Iterable[tuple[torch.Tensor, ...]]) -> None:
        """Count in how many training texts each token stands: batches of tokens, each once a text, and weights."""
        counts, num_texts = torch.zeros(len(self.rarity), dtype=torch.int64), 0
        for tokens_BT, _ in batches:
            counts += torch.bincount(tokens_BT.flatten().cpu(), minlength=len(counts))
            num_texts += len(tokens_BT)
        counts[PADDING] = 0
        self.rarity.copy_(torch.where(counts > 0, torch.log((1 + num_texts) / (1 + counts)) + 1, 0.0))
        self.trust.copy_((counts / max(num_texts, 1)) ** _RARE_POWER)

    def forward(self, tokens_BT: torch.Tensor, weights_BT: torch.Tensor) -> torch.Tensor:
        """Embeddings of texts, shape (B, D); 0 for a text of which training saw no token."""
        tf_idf_BT = functional.normalize(weights_BT * self.rarity[tokens_BT], dim=1)
        if torch.onnx.is_in_onnx_export():  # which has no bags; the sum is the same
            return (self.vectors(tokens_BT) * (tf_idf_BT * self.trust[tokens_BT])[:, :, None]).sum(dim=1)
        return functional.embedding_bag(
            tokens_BT,
            self.vectors.weight,
            mode="sum",
            padding_idx=PADDING,
            per_sample_weights=tf_idf_BT * self.trust[tokens_BT],
        )
