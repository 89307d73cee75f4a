"""Steps that pipelines share: the steps themselves, gates, placement on a cluster."""
