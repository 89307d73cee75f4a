"""Training on several nodes: the Kubeflow TrainJob, on a cluster and on this machine."""
