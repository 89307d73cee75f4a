"""Rounds of labelling with an oracle: what a strategy would have saved, on examples whose labels are known."""
