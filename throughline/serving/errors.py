"""Requests that a model refuses."""

from __future__ import annotations

import re

# How onnxruntime begins, with the name and number of a status of its own.
OWN_WORDS = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")

# What it says where there is no more memory.
NO_MEMORY = re.compile(r"allocate memory|bad_alloc|bad allocation")


class BadRequest(ValueError):
    """The rows do not fit the model; the message names the row, the column and the remedy."""


def spelt_out(text: str) -> str:
    """`text` with what a terminal would act on spelt out, such as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def first_line(error: Exception) -> str:
    """What an error says, as far as one line."""
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return spelt_out(OWN_WORDS.sub("", text)[:200])


def lacks_memory(error: Exception) -> bool:
    """Whether an error of the runtime, or of Python, is that there is no more memory."""
    return isinstance(error, MemoryError) or bool(NO_MEMORY.search(str(error)))
