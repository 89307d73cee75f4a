"""How a compiled pipeline is handed to Kubeflow Pipelines, and run there."""
