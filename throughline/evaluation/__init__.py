"""Measuring a model: figures with intervals, baselines, claims, gates and the report page."""
