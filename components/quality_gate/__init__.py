"""The gate: the step that stops a run when a check before it has failed."""
