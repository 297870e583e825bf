"""Pictures in a pipeline file: how they are stored, cut, filtered and made numbers."""
