"""The one trainer: batches, loss, schedule, checkpoints, processes."""
