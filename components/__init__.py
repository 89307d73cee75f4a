"""What runs inside a container: foundations (pure code) and families (a face, its jobs, pure modules)."""
