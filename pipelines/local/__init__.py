"""Pipelines on this machine: runner, containers, cache keys."""
