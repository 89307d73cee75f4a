"""The queue: label requests to people as CSV and Label Studio tasks, and what they filled in back, checked row by row."""
