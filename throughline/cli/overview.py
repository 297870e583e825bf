"""What a project holds, and whether its surroundings are right."""

from __future__ import annotations

import configparser
import os
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from throughline.errors import MissingFile
from throughline.evaluation.show.line import figure, gates
from throughline.paths import Workspace, pipelines, read_json

LIBRARIES = ("dvc", "prefect", "great-expectations", "keras", "tensorflow", "onnx", "onnxruntime")
LEAST_FREE = 5 << 30
# Prefect 3.8.8 starts no server with a newer FastAPI; its schedules never fire with SQLAlchemy 2.1.
BELOW = {"fastapi": (0, 151), "sqlalchemy": (2, 1)}


def listed_pipelines(root: Path) -> list[dict[str, Any]]:
    """For each pipeline its state, figure, gates and champion, as its files say."""
    return [_entry(root, name) for name in pipelines(root)]


def _entry(root: Path, name: str) -> dict[str, Any]:
    from throughline.releasing.releases import champion

    path = Workspace(root, name).evaluation / "report.json"
    report = read_json(path) if path.exists() else None
    return {
        "pipeline": name,
        "state": "evaluated" if report else "not run",
        "figure": figure(report) if report else "",
        "gates": gates(report) if report else "",
        "champion": champion(root, name) or "",
    }


def standing_pipelines(root: Path, name: str | None = None) -> list[dict[str, Any]]:
    """As `listed_pipelines`, with what DVC would rerun and the stages of releases.

    Nothing runs and nothing is fetched: files, DVC's locks and git's tags say it.

    Args:
        root: the project.
        name: a pipeline. Default: all.

    Returns:
        For each pipeline the entry of the list; `state` is also `up to date` or `stale`, `reruns`
        holds the causes for each stage that would rerun, `stages` the version in each stage.

    Raises:
        MissingFile: no such pipeline.
        BadPipeline: DVC cannot read the project.
    """
    from throughline.running.why import stale

    reruns = stale(root, name)
    found = []
    for each in pipelines(root) if name is None else [name]:
        entry = _entry(root, each) | {"reruns": reruns.get(each, {}), "stages": _stages(root, each)}
        if entry["state"] == "evaluated":
            entry["state"] = "stale" if entry["reruns"] else "up to date"
        found.append(entry)
    return found


def _stages(root: Path, name: str) -> dict[str, str]:
    """The version in each stage; none outside git."""
    from throughline.releasing.git import GitRefused
    from throughline.releasing.standing import held

    try:
        return held(root, name)
    except GitRefused:
        return {}


def report_of(root: Path, name: str) -> Path:
    """The page of a pipeline: its report, or before it ran the page of its profile.

    Raises:
        MissingFile: it has neither.
    """
    from throughline.pipeline.loading import load

    workspace = Workspace(root, name)
    profile = root / "reports" / name / "profile" / "profile.html"
    for page in (workspace.evaluation / "report.html", profile):
        if page.exists():
            return page
    load(workspace)
    raise MissingFile(
        "A report is made by stage 'evaluate'", "none", f"Run `throughline run {name}` first"
    )


class Finding(NamedTuple):
    """One thing that was looked at; `remedy` is empty where all is well."""

    what: str
    found: str
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
    yield Finding("cores", str(len(os.sched_getaffinity(0))))
    yield Finding("GPU", "NVIDIA's driver" if shutil.which("nvidia-smi") else "none")
    free = shutil.disk_usage(root).free
    remedy = "" if free > LEAST_FREE else "Make room; `dvc gc --workspace` removes old data"
    yield Finding("free disk", f"{free / (1 << 30):.1f} GiB", remedy)
    mirror = os.environ.get("THROUGHLINE_MIRROR")
    if mirror:
        lost = "" if Path(mirror).is_dir() else "Unset THROUGHLINE_MIRROR or mend it"
        yield Finding("mirror", mirror, lost)


def _project(root: Path) -> Iterator[Finding]:
    whole = (root / "params.yaml").exists() and (root / ".dvc").is_dir()
    remedy = "" if whole else "Run `throughline init` here, or go to the project's folder"
    yield Finding("project", str(root.resolve()), remedy)
    config = configparser.ConfigParser()
    config.read([root / ".dvc/config", root / ".dvc/config.local"], encoding="utf-8")
    remotes = [section for section in config.sections() if section.startswith("'remote")]
    yield Finding("DVC's remotes", str(len(remotes)))
    yield Finding("Prefect's server", os.environ.get("PREFECT_API_URL", "started when needed"))
