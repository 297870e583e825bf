"""Figures of an outcome, each with its interval."""
