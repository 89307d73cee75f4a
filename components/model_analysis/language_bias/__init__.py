"""Bias of language models: one sentence with different people in it, and what a model makes of the difference."""
