"""Orchestration: which step follows which, where it runs, and what a person sees of it."""
