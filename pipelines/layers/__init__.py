"""A pipeline's layers: each a pipeline of its own, which KFP's page shows as one box that opens."""
