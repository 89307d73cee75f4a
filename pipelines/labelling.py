"""The two pipelines of a round of labelling: up to the queue that people fill in, and from their labels to a release."""

PIPELINE_NAME, TRAINING_NAME = "pluszero-labelling", "pluszero-labelled-training"
