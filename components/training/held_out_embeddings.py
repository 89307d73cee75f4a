"""Where the trained model's embeddings of held-out rows lie, for the bundle: see `EmbeddingReference`."""

import numpy as np

from components.modeling.predictor import Predictor
from components.shared.contracts.embedding_reference import EmbeddingReference, MIN_ROWS
from components.shared.feature_store.store import FeatureStore

# A sample, spread over the split: its thousandth row is seen, and it costs no more than a part of an epoch.
_MAX_ROWS, _BATCH_ROWS = 1000, 64


def held_out_reference(predictor: Predictor, store: FeatureStore) -> EmbeddingReference | None:
    """The reference of the store's validation rows; None where they are too few, or an embedding is not finite."""
    rows = store.indices("validation")
    if len(rows) < MIN_ROWS:
        return None
    chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MAX_ROWS)).astype(np.int64)]
    parts = np.array_split(chosen, -(-len(chosen) // _BATCH_ROWS))
    embeddings = np.concatenate([predictor.predict(store.gather(part)).embeddings_BD for part in parts])
    return EmbeddingReference.fitted(embeddings) if np.isfinite(embeddings).all() else None
