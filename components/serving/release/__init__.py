"""Releases: immutable bundles under MODEL_ROOT, with a model card and an InferenceService."""
