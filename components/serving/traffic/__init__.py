"""What keeps a server calm: admission, batching, limits of connections, and what it tells of its requests."""
