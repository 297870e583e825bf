"""Checking raw rows with Great Expectations and setting aside those that break a rule."""
