"""Feature engineering: the decode-once feature store, the augmentation policy, embeddings."""
