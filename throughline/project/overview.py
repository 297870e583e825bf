"""What a project holds: its pipelines, their state and their pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughline.errors import MissingFile
from throughline.evaluation.show.line import figure, gates
from throughline.limits import guarded
from throughline.paths import Workspace, pipelines, read_json


def listed_pipelines(root: Path) -> list[dict[str, Any]]:
    """For each pipeline its state, figure, gates and champion, as its files say."""
    return [_entry(root, name) for name in pipelines(root)]


def released_pipelines(root: Path) -> list[dict[str, Any]]:
    """As `listed_pipelines`, with the release in each stage; asks git, and not DVC."""
    return [
        entry | {"stages": _stages(root, entry["pipeline"])} for entry in listed_pipelines(root)
    ]


def _entry(root: Path, name: str) -> dict[str, Any]:
    from throughline.releasing.releases import champion

    path = Workspace(root, name).evaluation / "report.json"
    # A project of somebody else: the file may hold anything.
    with guarded(str(path), timed=False):
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
        holds the causes for each stage that would rerun, `stages` the version in each stage,
        `looks` the number of models that its test rows have judged.

    Raises:
        MissingFile: no such pipeline.
        BadPipeline: DVC cannot read the project.
    """
    from throughline.project.looks import looks
    from throughline.running.why import stale

    reruns = stale(root, name)
    names = pipelines(root) if name is None else [name]
    looked = looks(root, names)
    found = []
    for each in names:
        entry = _entry(root, each) | {"reruns": reruns.get(each, {}), "stages": _stages(root, each)}
        entry["looks"] = looked.get(each, 0)
        if entry["state"] == "evaluated":
            entry["state"] = "stale" if entry["reruns"] else "up to date"
        found.append(entry)
    return found


def _stages(root: Path, name: str) -> dict[str, str]:
    """The version in each stage; none outside git."""
    from throughline.releasing.git import GitRefused
    from throughline.releasing.stages.standing import standing_versions

    try:
        return standing_versions(root, name)
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
