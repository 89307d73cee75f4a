"""A served model as its clients see it: requests of held-out examples, and a server as a child process."""
