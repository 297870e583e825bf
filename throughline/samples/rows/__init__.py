"""Prepared rows of a table."""
