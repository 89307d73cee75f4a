"""Raw tables and photos as people have them: reading, encodings, column types, label expressions, file names."""
