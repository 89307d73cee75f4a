"""The data contract: what steps hand to one another, and nothing that needs more than numpy and pyarrow."""
