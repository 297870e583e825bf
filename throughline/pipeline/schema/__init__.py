"""The sections of a pipeline file."""
