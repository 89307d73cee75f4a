"""What a training will take: forecast, its interval, budget."""
