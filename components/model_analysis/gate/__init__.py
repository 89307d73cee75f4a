"""Whether a model may ship."""
