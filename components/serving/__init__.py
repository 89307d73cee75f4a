"""Serving: publishes a model bundle as a release, serves it through KServe's server, and probes that server."""
