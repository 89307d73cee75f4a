"""Deployment: a release goes live in steps of traffic, is judged beside the stable one, promoted or rolled back."""
