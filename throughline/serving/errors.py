"""Requests that a model refuses."""

from __future__ import annotations


class BadRequest(ValueError):
    """The rows do not fit the model; the message names the row, the column and the remedy."""


def spelt_out(text: str) -> str:
    """`text` with what a terminal would act on spelt out, such as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
