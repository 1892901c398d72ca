"""Arrays in files: rows are read when they are needed."""
