"""Prepared data: windows over time, splits and folds."""
