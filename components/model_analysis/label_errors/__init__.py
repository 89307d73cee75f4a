"""Which labels are probably wrong, how many are, and what correcting them changes."""
