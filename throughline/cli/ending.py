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
from throughline.terminal import coloured

MISTAKE = 2
# As shells count a process that Ctrl-C, or a closed pipe, ended.
STOPPED_BY_USER = 130
READER_GONE = 141
# What is asked of a file or folder, where the system says that it is otherwise.
PLACES = {
    errno.ENOENT: "there, or in a folder that takes it",
    errno.EACCES: "readable, and writable where it is written",
    errno.EPERM: "readable, and writable where it is written",
    errno.EROFS: "writable",
    errno.ENOTDIR: "in a folder, where a file has its name",
    errno.EEXIST: "free, or a folder",
    errno.EISDIR: "a file",
    errno.ENAMETOOLONG: "of a shorter name",
}
# What brings a library that not every installation has; all others come with `pipelines`.
EXTRAS = {"PIL": "pictures"}


def ended(command: Callable[[], object]) -> int:
    """Run a command.

    Returns:
        Its exit code: what it returned, 0 where that is nothing; 2 for a mistake of the user's,
        which is told in a line each; 130 after Ctrl-C; 141 where the reader of its output went
        away.
    """
    try:
        code = command()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (ThroughlineError, BadRequest) as error:
        return _refused(*getattr(error, "lines", (str(error),)))
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
        if error.errno in PLACES and error.filename:
            return _refused(
                f"'{error.filename}' must be {PLACES[error.errno]}. Received: {error.strerror}. "
                "Mend the place, or go to another folder; outputs are as they were."
            )
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        # Of a copy the second name is that of the file that is written.
        written = error.filename2 or error.filename
        place = f" at {written}" if written else ""
        return _refused(
            f"There must be room on the disk{place}. Received: {error.strerror}. "
            "Make room and run again; outputs are as they were."
        )
    except ValueError as error:
        # Of a library that only a file of rows loads: what a stage made was cut off or changed.
        if type(error).__module__ != "pyarrow.lib":
            raise
        return _refused(
            f"A file must be sound Parquet. Received: {' '.join(str(error).split())} "
            "Run the stage that writes it again."
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


def _refused(*messages: str) -> int:
    for message in messages:
        say_mistake(message)
    return MISTAKE


def say_mistake(message: str) -> None:
    """One mistake as a line of its own."""
    print(f"{coloured('error:', 'bad', sys.stderr)} {printable(message)}", file=sys.stderr)


def _hint(error: click.ClickException) -> str:
    """Where to read on, after a mistake in the words of a command."""
    context = getattr(error, "ctx", None)
    return f" See `{context.command_path} --help`." if context is not None else ""
