"""What an example is like: light and place of a photo, scripts of a text, columns of a row."""
