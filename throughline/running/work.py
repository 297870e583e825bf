"""What runs inside a worker process: one stage after another, with its libraries kept loaded."""

from __future__ import annotations

import builtins
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughline import processor
from throughline.cache import private
from throughline.processes import end_with_parent

PYTHON = ("python", "python3")
PROGRAM = "throughline"
# PR_SET_PDEATHSIG of Linux' prctl.
PARENT_DEATH_SIGNAL = 1
# Characters of what a stage printed that go to Prefect; a training prints without end.
LONGEST_LOG = 16_000
LOG_VARIABLE = "THROUGHLINE_WORKER_LOG"


@dataclass(frozen=True)
class Outcome:
    """How a stage went, in plain values: not every exception survives the way between processes.

    Attributes:
        seconds: of the stage, imports included.
        import_seconds: of those, spent importing modules.
        failure: one line that says what went wrong; empty when all went well.
        mistake: the failure is one that a user can mend.
        log: the last lines that the stage printed, or the traceback.
    """

    seconds: float
    import_seconds: float
    failure: str = ""
    mistake: bool = False
    log: str = ""


# Of a stage that a stopped flow would still have begun; it is not tried again.
STOPPED = Outcome(0.0, 0.0, "the flow was stopped", mistake=True)


class ImportTimer:
    """Seconds spent in `import` statements, each counted once however deep they nest."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = threading.local()
        self._import = builtins.__import__

    def install(self) -> None:
        """Time all imports of this process from now on."""
        builtins.__import__ = self._timed

    def _timed(self, name: str, *arguments: Any, **named: Any) -> Any:
        if getattr(self._inside, "yes", False):
            return self._import(name, *arguments, **named)
        self._inside.yes = True
        start = time.perf_counter()
        try:
            return self._import(name, *arguments, **named)
        finally:
            self._inside.yes = False
            self.seconds += time.perf_counter() - start


_timer = ImportTimer()


def begin(root: str, logs: str, environment: Mapping[str, str]) -> None:
    """Make a new process a worker: its folder, its log, its end with its parent."""
    processor.fix()
    os.environ.update(environment)
    os.chdir(root)
    if root not in sys.path:
        sys.path.insert(0, root)
    private(Path(logs))
    log = os.open(_log(logs), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    # The descriptors, so that libraries written in C and subprocesses print there as well.
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ[LOG_VARIABLE] = _log(logs)
    end_with_parent()
    _timer.install()


def _log(logs: str) -> str:
    return str(Path(logs) / f"worker-{os.getpid()}.log")


def load(modules: tuple[str, ...]) -> float:
    """Import modules ahead of need; returns the seconds that took."""
    import importlib

    start = time.perf_counter()
    for name in modules:
        # A stage that needs it will say so itself, and better.
        with suppress(ImportError):
            importlib.import_module(name)
    return time.perf_counter() - start


def run(command: str, folder: str = "") -> Outcome:
    """Run the command of a stage, inside this process where it is `throughline STAGE NAME`.

    Args:
        command: as it stands in `dvc.yaml`.
        folder: the repository that the stage works on. Default: the worker's own folder.
    """
    from throughline.errors import ThroughlineError

    start, imported = time.perf_counter(), _timer.seconds
    failure, mistake, log = "", False, ""
    position = _end_of_log()
    try:
        _run(command, Path(folder))
    except ThroughlineError as error:
        failure, mistake = str(error), not error.may_pass
    except subprocess.CalledProcessError as error:
        log = _log_since(position)
        failure = f"exit code {error.returncode}: {_last_line(log)}"
    except Exception as error:
        log = traceback.format_exc()
        failure = _explained(command, Path(folder))
        mistake = bool(failure)
        failure = failure or f"{type(error).__name__}: {_last_line(str(error))}"
    log = (log or _log_since(position))[-LONGEST_LOG:]
    return Outcome(time.perf_counter() - start, _timer.seconds - imported, failure, mistake, log)


def _explained(command: str, folder: Path) -> str:
    """What `check` says of a pipeline's file, where a library failed of what stands in it."""
    words = shlex.split(command)
    if words[0] != PROGRAM or len(words) < 3:
        return ""
    asked = [sys.executable, "-P", "-m", PROGRAM, "check", words[2], "--json"]
    found = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False)
    try:
        mistakes = [each for checked in json.loads(found.stdout) for each in checked["mistakes"]]
    except ValueError:
        return ""
    return "\n".join(
        f"{each['file']}:{each['line']}: {each['message']}" if each["file"] else each["message"]
        for each in mistakes
    )


def _run(command: str, folder: Path) -> None:
    from throughline.stages.declared import EVERY_STAGE
    from throughline.stages.run import run_stage

    words = shlex.split(command)
    if words[0] != PROGRAM or words[1] not in EVERY_STAGE:
        # The worker's own Python, whatever the search path says.
        program = {PROGRAM: [sys.executable, "-P", "-m", PROGRAM]}.get(words[0], words[:1])
        program = [sys.executable] if words[0] in PYTHON else program
        subprocess.run(
            [*program, *words[1:]], check=True, cwd=folder, preexec_fn=_ends_with_parent()
        )
        return
    _forget_networks()
    run_stage(words[1], words[2], folder)


def _ends_with_parent() -> Callable[[], object] | None:
    """What a command does before it starts, so that it ends with its worker, even by SIGKILL.

    Left alone, it would go on writing while the next run repeats the stage.
    """
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    library = ctypes.CDLL(None)
    return lambda: library.prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _forget_networks() -> None:
    """Free the networks of the stage before, and let Keras number layers from the start."""
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.utils.clear_session(free_memory=True)


def _end_of_log() -> int:
    path = os.environ.get(LOG_VARIABLE)
    return Path(path).stat().st_size if path else 0


def _log_since(position: int) -> str:
    sys.stdout.flush()
    sys.stderr.flush()
    path = os.environ.get(LOG_VARIABLE)
    if not path:
        return ""
    with Path(path).open("rb") as log:
        end = log.seek(0, os.SEEK_END)
        # No character has more bytes than four.
        log.seek(max(position, end - 4 * LONGEST_LOG))
        return log.read().decode("utf-8", "replace")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"
