"""Cheap models of each modality, and how photos, rows and texts are read for them: baselines, labelling."""
