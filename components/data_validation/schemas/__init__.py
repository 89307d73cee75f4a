"""Schemas: inferred, reviewed, compared and evolved; what does not fit them, in plain words; a user's own checks."""
