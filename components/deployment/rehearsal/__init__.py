"""The rehearsal: a release beside the stable one on this machine, with traffic, before a cluster sees it."""
