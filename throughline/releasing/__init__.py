"""Releases: made, promoted, proved, rebuilt."""
