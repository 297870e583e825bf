"""One input in a process of its own, and what of the promises it broke.

The processes are forked from one that has the libraries, so each begins alike and none pays for
imports. A hook sees whatever Python opens, starts or asks on the network.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.fuzzing import acts, inputs
from benchmarks.fuzzing.acts import Broken
from tests.security import projects
from throughline import cli

MEMORY, SECONDS = 1 << 30, 20
# Of the wall, in which a process and its children use no processor: it waits for what never comes.
# How long one takes that works says nothing, for the machine may have other work.
PATIENCE = 120
LIMITS = {
    "bytes": 50 << 20, "rows": 1_000_000, "columns": 1000, "files": 1000, "pixels": 10_000_000,
    "seconds": 2 * SECONDS, "memory": 700 << 20,
}  # fmt: skip
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.link", "os.symlink", "os.truncate"}
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"}
ASKS = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind"}
# What commands that look start themselves.
OWN = ("git", "lsof", "nvidia-smi", "ldconfig", "uname")
OURS = {"home", "scratch", "output", "site"}
# Libraries keep settings in a home.
OF_A_HOME = {"project", ".cache", ".config"}
STEERS = re.compile(r"[^\n\t\x20-\x7e\xa0-\u200a\u2010-\u2027\u2030-\u205f\u2070-\U0010ffff]")


@dataclass(frozen=True)
class Verdict:
    """What became of an input.

    Attributes:
        kind: what was done with it.
        said: `read`, `refused`, or the promise that it broke.
        seconds: of the processor.
        peak_bytes: memory beyond that of the libraries.
    """

    kind: str
    said: str
    seconds: float = 0.0
    peak_bytes: int = 0

    @property
    def broken(self) -> bool:
        """Whether a promise was broken."""
        return self.said not in ("read", "refused")


class Fuzzing:
    """Tries inputs, each in a child of this process.

    Args:
        top: an empty folder; `home/project` below it is the project, the rest is outside.
    """

    def __init__(self, top: Path) -> None:
        self._top = top.resolve()
        self._root = self._top / "home" / "project"
        self._scratch = self._top / "scratch"
        self._sound = inputs.readable()
        self._project = projects.files()
        _import_all()

    def tried(self, index: int) -> Verdict:
        """Try one input and look at what it left."""
        self._emptied()
        kind, act = self._act(random.Random(index))
        self._lay(kind)
        output = self._top / "output"
        verdict = self._watched(kind, act, output)
        if not verdict.broken and (said := self._left()):
            verdict = Verdict(kind, said)
        return verdict

    def sound(self) -> list[str]:
        """Sound inputs that were not taken, by name; what they came to would say nothing."""
        deeds: dict[str, Callable[[], None]] = {
            name: partial(acts.read, name, content)
            for name, content in self._sound.items()
            if not name[0].isdigit() and name not in ("s.keras", "t.onnx")
        }
        deeds |= {" ".join(words): partial(acts.kept, *words) for words in acts.LOOKING[:-2]}
        deeds["profile"] = partial(acts.kept, "profile", "sound.csv", "--as", "drafted")
        wrong = []
        for name, deed in deeds.items():
            self._emptied()
            self._lay("words")
            (self._root / "sound.csv").write_bytes(self._sound["s.csv"])
            said = self._watched(name, deed, self._top / "output").said
            if said != "read":
                wrong.append(f"{name}: {said}: {self.output()[-300:]!r}")
        return wrong

    def _emptied(self) -> None:
        for folder in (self._root, self._scratch):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)

    def output(self) -> str:
        """What the last input had printed."""
        path = self._top / "output"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _act(self, chance: random.Random) -> tuple[str, Callable[[], None]]:
        """What is done with an input: its kind and the deed."""
        kind = chance.choices(("reader", "command", "project", "words"), (50, 25, 15, 10))[0]
        if kind == "words":
            words = acts.hostile_words(chance)
            return f"words: {words!r:.300}", lambda: acts.kept(*words)
        if kind == "project":
            return kind, lambda: acts.folder(self._project, chance)
        # Rather a sound one: most of the others end at the first look.
        sound = [name for name in sorted(self._sound) if not name[0].isdigit()]
        name = chance.choice(sound if chance.random() < 0.6 else sorted(self._sound))
        other = self._sound[chance.choice(sorted(self._sound))]
        if name == "u.onnx":
            content = acts.contract(chance)
        elif name == "s.yaml" and chance.random() < 0.7:
            content = acts.pipeline(chance)
        else:
            content = inputs.damaged(self._sound[name], other, chance)
        if kind == "reader":
            return f"{kind}: {name}", lambda: acts.read(name, content)
        return f"{kind}: {name}", lambda: acts.command(name, content, chance)

    def _lay(self, kind: str) -> None:
        """The files that every project here has; modules whose import leaves a marker."""
        import yaml

        files = {
            "params.yaml": yaml.safe_dump({**projects.SHARED, "limits": LIMITS}).encode(),
            "rows.csv": b"x\n1\n2\n",
            "sound.onnx": self._sound["s.onnx"],
            "mine.py": b"open('MARKER', 'w')\ndef rows():\n    return {}\n",
        }
        files["pandas.py"] = files["yaml.py"] = files["mine.py"]
        for name, content in files.items():
            (self._root / name).write_bytes(content)
        if kind == "words" or kind.startswith("words"):
            for name, content in self._project.items():
                (self._root / name).parent.mkdir(parents=True, exist_ok=True)
                (self._root / name).write_bytes(content)

    def _watched(self, kind: str, act: Callable[[], None], output: Path) -> Verdict:
        """Run a deed in a child, within its memory and time."""
        sys.stdout.flush()
        sys.stderr.flush()
        mine, others = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(mine)
            self._child(act, output, others)
        os.close(others)
        said, ended = self._heard(mine, child)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.close(mine)
        _, status, usage = os.wait4(child, 0)
        seconds = usage.ru_utime + usage.ru_stime
        told = said.decode("utf-8", "replace") or ended
        code = os.waitstatus_to_exitcode(status)
        if seconds > SECONDS or code == -signal.SIGXCPU:
            told = f"more than {SECONDS} s of a processor"
        return Verdict(kind, told or f"ended by {code}", seconds, usage.ru_maxrss * 1024)

    def _heard(self, answer: int, child: int) -> tuple[bytes, str]:
        """What a child tells until it ends, and why it need not be waited for any longer."""
        said, used, since = b"", 0.0, time.monotonic()
        while True:
            if select.select([answer], [], [], 1)[0]:
                block = os.read(answer, 65536)
                if not block:
                    return said, ""
                said += block
                continue
            now = _processor_seconds(child)
            if now > SECONDS:
                return b"", f"more than {SECONDS} s of a processor"
            if now > used:
                used, since = now, time.monotonic()
            elif time.monotonic() - since > PATIENCE:
                return b"", f"waits {PATIENCE} s without using a processor"

    def _child(self, act: Callable[[], None], output: Path, answer: int) -> None:
        """Never returns: whatever happens, this process ends here."""
        os.setsid()
        try:
            said = self._done(act, output)
        except BaseException as error:
            said = f"{type(error).__name__}: {str(error)[:300]}"
        with contextlib.suppress(OSError):
            os.write(answer, said.encode("utf-8", "replace")[:60000])
        os._exit(0)

    def _done(self, act: Callable[[], None], output: Path) -> str:
        from throughline.errors import ThroughlineError
        from throughline.limits import Limits, applied
        from throughline.serving.errors import BadRequest

        os.chdir(self._root)
        os.environ |= {
            "HOME": str(self._root.parent), "TMPDIR": str(self._scratch),
            "DVC_SITE_CACHE_DIR": str(self._top / "site"),
        }  # fmt: skip
        tempfile.tempdir = str(self._scratch)
        screen = os.open(output, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(screen, 1)
        os.dup2(screen, 2)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        breaches = self._hooked()
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        # What is here already are libraries.
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        line = ""
        try:
            with applied(Limits.of(LIMITS)):
                act()
        except (ThroughlineError, BadRequest) as error:
            line = f"error: {error}"
            if not str(error).isprintable() or len(str(error)) > 4100:
                return f"no printable line: {str(error)[:300]!r}"
        except Broken as error:
            return str(error)
        except BaseException as error:
            import traceback

            frames = traceback.extract_tb(error.__traceback__)[-6:]
            where = " ".join(f"{Path(each.filename).name}:{each.lineno}" for each in frames)
            return f"{type(error).__name__}: {str(error)[:200]} at {where}"
        sys.stdout.flush()
        sys.stderr.flush()
        text = output.read_text(encoding="utf-8", errors="surrogateescape")
        if breaches:
            return f"breach: {breaches[0]}"
        if "Traceback" in text:
            return f"a traceback: {text[-300:]!r}"
        if found := STEERS.search(text):
            return f"steers a terminal: {text[max(0, found.start() - 60) : found.end() + 20]!r}"
        return "refused" if "error: " in text or line else "read"

    def _hooked(self) -> list[str]:
        """What Python does outside the project from now on."""
        found: list[str] = []
        top, own = str(self._top), str(self._root)

        def look(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "open" and isinstance(arguments[0], str | bytes):
                path, _, flags = arguments
                if isinstance(flags, int) and flags & WRITES:
                    inside(path, event)
            elif event in CHANGES:
                inside(arguments[0], event)
            elif event in STARTS:
                program = os.fsdecode(arguments[0] or "")
                if Path(program).name not in OWN:
                    found.append(f"{event} {arguments!r:.300}")
            elif event in ASKS:
                if event != "socket.bind" and "AF_UNIX" in repr(arguments[0]):
                    return
                found.append(f"{event} {arguments[1:]!r:.300}")
            elif event == "exec":
                name = str(getattr(arguments[0], "co_filename", ""))
                if name.startswith(own):
                    found.append(f"code of the project ran: {name}")

        def inside(path: Any, event: str) -> None:
            if isinstance(path, str | bytes):
                whole = os.path.realpath(os.fsdecode(path))
                # Of its own process a command may ask the kernel to count anew.
                if not whole.startswith((top, "/dev/", f"/proc/{os.getpid()}/")):
                    found.append(f"{event} {whole}")

        sys.addaudithook(look)
        return found

    def _left(self) -> str:
        """What lies where nothing may lie; empty when that is nothing."""
        if any(self._top.rglob("MARKER")):
            return "a marker"
        outside = {path.name for path in self._top.iterdir()} - OURS
        outside |= {path.name for path in self._root.parent.iterdir()} - OF_A_HOME
        if outside:
            return f"files outside the project: {sorted(outside)}"
        if left := [str(path.relative_to(self._scratch)) for path in self._scratch.rglob("*")]:
            return f"temporary files: {left[:5]}"
        return ""


def _processor_seconds(session: int) -> float:
    """What the processes of a session have used, with the children that ended."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # What follows the name of the program: state, parent, group, session, ...
            values = path.read_text(errors="replace").rpartition(")")[2].split()
            if int(values[3]) == session:
                ticks += sum(map(int, values[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _import_all() -> None:
    """What the children share."""
    import onnx
    import onnxruntime
    import pandas
    import pyarrow.dataset
    import pyarrow.parquet
    import requests
    import scipy.io  # noqa: F401
    import sqlalchemy

    import throughline.drift.drift
    import throughline.profile.profile
    import throughline.releasing.release
    import throughline.running.why

    del onnx, onnxruntime, pyarrow, requests, sqlalchemy, throughline
    pandas.DataFrame({"a": [1]}).describe()
    context = click.Context(cli.throughline)
    for name in cli.throughline.list_commands(context):
        cli.throughline.get_command(context, name)
