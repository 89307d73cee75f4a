"""The payload log: receives the CloudEvents of KServe's logger, and stores them as the server's own log is stored."""
