"""The probe: a running server is asked what the training side has answered already."""
