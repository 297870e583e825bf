"""How a command speaks: less where it shall be quiet, in colours where a terminal shows them."""

from __future__ import annotations

import os
import sys
from typing import Literal, TextIO

from throughline.errors import printable, tell

# Also read by the stages that `throughline run` starts.
QUIET = "THROUGHLINE_QUIET"
# By their purpose; the numbers are those of ECMA-48, the terminal chooses the shade.
Mood = Literal["good", "bad", "warn", "soft", "strong"]
CODES: dict[Mood, int] = {"good": 32, "bad": 31, "warn": 33, "soft": 2, "strong": 1}


def quieten() -> None:
    """Let this process, and those that it starts, say results and errors alone."""
    os.environ[QUIET] = "1"
    # Of tqdm, whose bars would be all that is left.
    os.environ["TQDM_DISABLE"] = "1"


def is_quiet() -> bool:
    """Whether only results and errors shall be said."""
    return bool(os.environ.get(QUIET))


def note(line: str) -> None:
    """Say what was done or what comes next; nothing where it shall be quiet."""
    if not is_quiet():
        print(line, flush=True)


def remark(text: str) -> None:
    """As `note`, of lines in which strangers' texts may stand."""
    if not is_quiet():
        tell(text)


def coloured(text: str, mood: Mood, stream: TextIO | None = None) -> str:
    """Text in the colour of a mood, where the stream is a terminal and nobody asked for none.

    Args:
        text: with what a terminal would act on spelt out, as by `printable`.
        mood: what the colour says.
        stream: where it will be written. Default: the standard output.
    """
    safe = printable(text)
    return f"\x1b[{CODES[mood]}m{safe}\x1b[0m" if _shows_colours(stream or sys.stdout) else safe


def _shows_colours(stream: TextIO) -> bool:
    """As https://no-color.org asks, `NO_COLOR` turns them off whatever it says."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and stream.isatty()
