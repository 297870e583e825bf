"""How a command ends: what it returns, or an error as one line and an exit code.

Imports nothing that a model does not need to run.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec

import click

from throughline.errors import ThroughlineError, printable
from throughline.serving.errors import BadRequest

MISTAKE = 2
# As shells count a process that Ctrl-C, or a closed pipe, ended.
STOPPED_BY_USER = 130
READER_GONE = 141
# What brings a library that not every installation has; all others come with `pipelines`.
EXTRAS = {"PIL": "pictures"}


def ended(command: Callable[[], object]) -> int:
    """Run a command.

    Returns:
        Its exit code: what it returned, 0 where that is nothing; 2 for a mistake of the user's,
        which is told in one line; 130 after Ctrl-C; 141 where the reader of its output went away.
    """
    try:
        code = command()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (ThroughlineError, BadRequest) as error:
        return _refused(str(error))
    except MemoryError:
        return _refused("This must fit into memory. Give it less, or a machine with more.")
    except RecursionError:
        return _refused("A file must hold values that are not nested so deeply.")
    except click.ClickException as error:
        return _refused(f"{error.format_message()}{_hint(error)}")
    except KeyboardInterrupt:
        print("stopped; what is finished stays, the next run does the rest", file=sys.stderr)
        return STOPPED_BY_USER
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has seen enough; Python would flush once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = f" at {error.filename}" if error.filename else ""
        return _refused(
            f"There must be room on the disk{place}. Received: {error.strerror}. "
            "Make room and run again; outputs are as they were."
        )
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        extra = EXTRAS.get(library, "pipelines")
        # A module that is missing where the extra is installed is a fault, and needs its traceback.
        if extra == "pipelines" and find_spec("dvc") is not None:
            raise
        return _refused(
            f"This command needs the library '{library}', which is not installed. "
            f"Run `pip install 'throughline[{extra}]'`."
        )


def _refused(message: str) -> int:
    print(f"error: {printable(message)}", file=sys.stderr)
    return MISTAKE


def _hint(error: click.ClickException) -> str:
    """Where to read on, after a mistake in the words of a command."""
    context = getattr(error, "ctx", None)
    return f" See `{context.command_path} --help`." if context is not None else ""
