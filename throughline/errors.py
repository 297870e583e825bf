"""Errors that a user can mend: what was expected, what was received, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

LONGEST_VALUE = 80
LONGEST_MESSAGE = 4000
# Characters of a value that are looked at; what is left out of them are runs of blanks.
WRITTEN = 10 * LONGEST_VALUE
# Bits of a whole number that is written out.
LONGEST_NUMBER = 4096
MOST_NAMES = 8
# Of one file.
MOST_MISTAKES = 50


class ThroughlineError(Exception):
    """A mistake in a file, a setting or the data; the command line prints it as one line.

    Args:
        expected: what would have been right, as a sentence.
        received: what was found; shortened to `LONGEST_VALUE` characters.
        remedy: what the user can do about it.

    Attributes:
        lines: what is said of it, a line for each mistake.
        may_pass: whether the same call may succeed later although nobody mends anything.
    """

    may_pass = False

    def __init__(self, expected: str, received: object = None, remedy: str = "") -> None:
        parts = [sentence(expected)]
        if received is not None:
            parts.append(sentence(f"Received: {shorten(received)}"))
        if remedy:
            parts.append(sentence(remedy))
        text = " ".join(part[:LONGEST_MESSAGE] for part in parts)
        super().__init__(printable(text)[:LONGEST_MESSAGE])
        self.lines: tuple[str, ...] = (str(self),)


class BadPipeline(ThroughlineError, ValueError):
    """The pipeline file is wrong; mend the key that the message names."""

    @classmethod
    def of(cls, mistakes: Sequence[str]) -> BadPipeline:
        """The error of a file with mistakes: its message is the first, its `lines` are all."""
        more = f" ({len(mistakes) - 1} more in this file)" if len(mistakes) > 1 else ""
        error = cls(f"{mistakes[0]}{more}")
        error.lines = tuple(cls(mistake).lines[0] for mistake in mistakes)
        return error


class BadData(ThroughlineError, ValueError):
    """The data are wrong; mend the rows or columns that the message names, or set them aside."""


class Unreachable(ThroughlineError, ConnectionError):
    """A source does not answer now; run again later, or put the file into a mirror folder."""

    may_pass = True


class MissingFile(ThroughlineError, FileNotFoundError):
    """A file that a stage needs is not there; run the stage that makes it."""


class RefusedByGate(ThroughlineError):
    """A check that the pipeline file demands did not hold; the message names it."""


def printable(text: str) -> str:
    """`text` on one line, with what a terminal or a parser would act on spelt out.

    Names and values come from strangers' files: line breaks, escape sequences and marks that turn
    the direction of writing appear as `\\n`, `\\x1b`, `\\u202e`.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def first_mistakes(lines: Sequence[str], where: object) -> Iterator[str]:
    """The first `MOST_MISTAKES` lines, and one that counts the others.

    Args:
        lines: a line for each mistake.
        where: the file that holds them.
    """
    yield from lines[:MOST_MISTAKES]
    if (others := len(lines) - MOST_MISTAKES) > 0:
        yield f"{where}: … and {others:,} more mistakes"


def tell(text: str, stream: TextIO | None = None) -> None:
    """Print lines in which strangers' texts may stand; see `printable`.

    Args:
        text: the lines.
        stream: where to. Default: the standard output.
    """
    for line in text.split("\n"):
        print(printable(line), file=stream, flush=True)


def sentence(text: str) -> str:
    """`text` with one mark at its end: its own question or exclamation mark, or a full stop."""
    bare = text.rstrip().rstrip(".")
    return bare if bare.endswith(("?", "!", "…")) else f"{bare}."


def shorten(value: object) -> str:
    """`value` as text on one line of at most `LONGEST_VALUE` characters."""
    written = value[:WRITTEN] if isinstance(value, str) else _written(value, WRITTEN)
    text = " ".join(written.split())
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _written(value: object, room: int) -> str:
    """`repr(value)` as far as there is room for; lists that hold one another never end."""
    if room <= 0:
        return "…"
    if isinstance(value, str):
        return repr(value[:room])
    if type(value) is int and value.bit_length() > LONGEST_NUMBER:
        # Python refuses to write it.
        return f"a number of {value.bit_length():,} bits"
    if type(value) is dict:
        pieces = _pieces(value.items(), room, lambda item, left: _pair(item[0], item[1], left))
        return "{" + ", ".join(pieces) + "}"
    if type(value) in (list, tuple):
        pieces = _pieces(value, room, _written)  # type: ignore[arg-type]
        if type(value) is list:
            return "[" + ", ".join(pieces) + "]"
        return "(" + ", ".join(pieces) + ("," if len(pieces) == 1 else "") + ")"
    try:
        return repr(value)
    except Exception:
        return type(value).__name__


def _pair(key: object, value: object, room: int) -> str:
    before = _written(key, room)
    return f"{before}: {_written(value, room - len(before))}"


def _pieces(values: Iterable[Any], room: int, write: Callable[[Any, int], str]) -> list[str]:
    pieces = []
    for value in values:
        pieces.append(write(value, room - 1))
        room -= len(pieces[-1]) + 2
        if room <= 0:
            break
    return pieces


def listed(names: Iterable[object]) -> str:
    """Names in a row, at most `MOST_NAMES` of them."""
    every = [str(name) for name in names]
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return ", ".join(every[:MOST_NAMES]) + more


def nearest(name: str, valid: Iterable[str]) -> str:
    """A remedy that names the nearest valid name, or all of them when none is near."""
    names = list(valid)
    folded = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(str(name).lower(), list(folded), n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{folded[close[0]]}'?"
    return f"Valid names: {listed(names)}."
