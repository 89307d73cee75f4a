"""Scoring: any source of examples becomes a predictions table."""
