"""What services of others are told of runs and releases: MLflow and the Kubeflow Model Registry, where they are set.

Our own files stay the truth: releases and their champion lie in the model's folder. Where a service is out of reach, it
misses something, and nothing here fails.
"""
