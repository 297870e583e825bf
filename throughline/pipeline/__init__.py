"""The schema of a pipeline file, loading it, and errors that name the key and the remedy."""
