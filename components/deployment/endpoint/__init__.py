"""The endpoint: the InferenceService as the cluster has it, its servers, and what they have done."""
