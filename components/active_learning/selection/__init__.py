"""What people label next: uncertainty, diversity, a random share, within a budget."""
