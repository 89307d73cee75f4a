"""Photos to examples: labels, measures, quality, duplicates."""
