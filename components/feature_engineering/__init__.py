"""Feature engineering: the decode-once feature store, augmentation policies, embeddings."""
