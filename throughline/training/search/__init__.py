"""Sweeps, and trainings side by side."""
