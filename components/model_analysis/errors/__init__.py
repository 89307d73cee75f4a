"""The examples that a model got wrong, or was least sure of."""
