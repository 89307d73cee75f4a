"""The smoke test: what is checked on a tiny sample before a training is paid for."""
