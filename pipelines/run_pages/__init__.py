"""What a person sees of a run: console, page, summary."""
