"""The queue: label requests as CSV and Label Studio tasks, and what people filled in back, checked row by row."""
