"""Baselines, other models, claims and gates."""
