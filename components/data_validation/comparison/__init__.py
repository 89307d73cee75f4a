"""Two datasets compared: what a model was trained on, or an earlier span, and what there is now."""
