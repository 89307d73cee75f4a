"""Jobs of deployment: what its faces and its command line call."""
