"""Requests that a model refuses."""

from __future__ import annotations


class BadRequest(ValueError):
    """The rows do not fit the model; the message names the row, the column and the remedy."""
