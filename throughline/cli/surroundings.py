"""Whether a project's surroundings are right, and how to mend what is not."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from throughline.errors import ThroughlineError

LIBRARIES = ("dvc", "prefect", "great-expectations", "keras", "tensorflow", "onnx", "onnxruntime")
LEAST_FREE = 5 << 30
# Prefect 3.8.8 starts no server with a newer FastAPI; its schedules never fire with SQLAlchemy 2.1.
BELOW = {"fastapi": (0, 151), "sqlalchemy": (2, 1)}
# A remote that has not answered by then is away.
REMOTE_SECONDS = 10.0


class Finding(NamedTuple):
    """One thing that was looked at; `remedy` is empty where all is well."""

    what: str
    state: str
    remedy: str = ""


def examined(root: Path) -> list[Finding]:
    """The surroundings of a project: what is there, and what to do about what is not."""
    return [*_python(), *_machine(root), *_project(root)]


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    known = (3, 11) <= sys.version_info[:2] < (3, 13)
    yield Finding("Python", version, "" if known else "Use Python 3.11 or 3.12")
    for name in LIBRARIES:
        installed = _version(name)
        remedy = "" if installed else "Run `pip install 'throughline[pipelines]'`"
        yield Finding(name, installed or "not installed", remedy)
    for name, limit in BELOW.items():
        installed = _version(name)
        newer = tuple(int(part) for part in installed.split(".")[:2] if part.isdigit()) >= limit
        below = ".".join(map(str, limit))
        if installed and newer:
            yield Finding(name, installed, f"Run `pip install '{name}<{below}'`, for Prefect")
    here = shutil.which("throughline")
    remedy = "" if here else f"Put {Path(sys.executable).parent} on PATH: DVC's stages call it"
    yield Finding("throughline on PATH", here or "no", remedy)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _machine(root: Path) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    yield Finding("cores", str(cores))
    yield _threads(root, cores)
    yield Finding("GPU", "NVIDIA's driver" if shutil.which("nvidia-smi") else "none")
    free = shutil.disk_usage(root).free
    remedy = "" if free > LEAST_FREE else "Make room; `dvc gc --workspace` removes old data"
    yield Finding("free disk", f"{free / (1 << 30):.1f} GiB", remedy)
    mirror = os.environ.get("THROUGHLINE_MIRROR")
    if mirror:
        lost = "" if Path(mirror).is_dir() else "Unset THROUGHLINE_MIRROR or mend it"
        yield Finding("mirror", mirror, lost)


def _threads(root: Path, cores: int) -> Finding:
    """Of one training, as `params.yaml` says; 1 where it says none."""
    from throughline.pipeline.yaml_file import YamlFile

    what, path = "threads of a training", root / "params.yaml"
    try:
        threads = YamlFile(path).content.get("threads", 1) if path.exists() else 1
    except ThroughlineError as error:
        return Finding(what, "unknown", f"Mend params.yaml: {error}")
    many = isinstance(threads, int) and threads > cores
    remedy = f"Set `threads` in params.yaml to {cores} or less" if many else ""
    return Finding(what, str(threads), remedy)


def _project(root: Path) -> Iterator[Finding]:
    whole = (root / "params.yaml").exists() and (root / ".dvc").is_dir()
    remedy = "" if whole else "Run `throughline init` here, or go to the project's folder"
    yield Finding("project", str(root.resolve()), remedy)
    if whole and _version("dvc"):
        yield from _dvc(root)
    if _version("prefect"):
        yield _server(root)


def _dvc(root: Path) -> Iterator[Finding]:
    """The cache and the default remote of the project."""
    from dvc.exceptions import DvcException

    from throughline.running.repository import repository

    try:
        repo = repository(root)
    except DvcException as error:
        said = " ".join(str(error).split())
        yield Finding("DVC", said[:200], "Mend .dvc/config, or run `throughline init` again")
        return
    with repo:
        cache = Path(repo.cache.local.path)
        yield Finding("DVC's cache", str(cache), _unwritable(cache))
        remote = repo.config["core"].get("remote", "")
        if not remote:
            yield Finding("DVC's remote", "none; needed for releases alone")
            return
        filled: list[bool] = []
        fault = _fault(lambda: filled.append(_is_filled(repo)))
        answered = "answers" if filled == [True] else "answers; nothing lies there yet"
        yield Finding("DVC's remote", f"{remote} {'does not answer' if fault else answered}", fault)


def _unwritable(folder: Path) -> str:
    """What to do where files cannot be put into a folder, or into what will hold it."""
    held = next(place for place in (folder, *folder.parents) if place.exists())
    if os.access(held, os.W_OK):
        return ""
    return f"Make {held} writable, or choose another by `dvc cache dir FOLDER`"


def _is_filled(repo: object) -> bool:
    """Whether the folder of the default remote is there.

    Raises:
        ThroughlineError: the remote does not answer.
    """
    from throughline.releasing.remote import answering

    with answering("answer"):
        database = repo.cloud.get_remote_odb()  # type: ignore[attr-defined]
        try:
            database.fs.info(database.path)
        except FileNotFoundError as error:
            # Some clients say so of a server that is away, too.
            if isinstance(error.__cause__, OSError) and not isinstance(
                error.__cause__, FileNotFoundError
            ):
                raise error.__cause__ from None
            return False
        return True


def _fault(ask: Callable[[], None]) -> str:
    """What is wrong with something that may never answer; empty where it does."""
    faults = [f"It must answer within {REMOTE_SECONDS:g} seconds. See `dvc remote list`"]

    def asked() -> None:
        try:
            ask()
            faults[0] = ""
        except ThroughlineError as error:
            faults[0] = str(error)

    # Its client may hang for minutes; nobody waits for this thread at the end.
    thread = Thread(target=asked, daemon=True)
    thread.start()
    thread.join(REMOTE_SECONDS)
    return faults[0]


def _server(root: Path) -> Finding:
    """Prefect's server: the one that the environment names, or that `deploy up` has started."""
    from throughline.running.prefect.access import URL
    from throughline.running.prefect.server import answers, note, standing

    what, named, noted = "Prefect's server", os.environ.get(URL, ""), note(root)["url"]
    if named:
        remedy = "" if answers(named) else f"Start it, or unset {URL}; a flow then starts its own"
        return Finding(what, f"{named} {'does not answer' if remedy else 'answers'}", remedy)
    if noted and not standing(root):
        return Finding(what, f"{noted} does not answer", "Run `throughline deploy up` again")
    return Finding(what, f"{noted} answers" if noted else "started when needed")
