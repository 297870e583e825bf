"""`reports/index.html`: every pipeline of a project on one page, with the way to its pages.

The page is no output of DVC: it says what is true when it is written, at the end of a run or of a
stage `evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import ThroughlineError
from throughline.evaluation.show.line import decisive
from throughline.paths import Workspace, read_json
from throughline.project.overview import released_pipelines, standing_pipelines
from throughline.report.page import INDEX, PAGES, existing, framed, write
from throughline.report.plots import spark

if TYPE_CHECKING:
    from markupsafe import Markup


def write_index(root: Path, fresh: bool = True) -> Path:
    """Write the page of all pipelines, from their reports, DVC's locks and git's tags.

    Args:
        root: the project.
        fresh: whether DVC is asked what would rerun. Default: yes.

    Returns:
        Its path.
    """
    folder = root / "reports"
    page = framed(
        "project/index.html",
        "",
        {"all pipelines": ""},
        title=f"Pipelines of {root.resolve().name}",
        name="",
        pipelines=[_entry(root, folder, known) for known in _known(root, fresh)],
        commit=_commit(root),
        versions=list(_versions()),
    )
    write(folder / INDEX, page)
    return folder / INDEX


def _known(root: Path, fresh: bool) -> list[dict[str, Any]]:
    """What is known of each pipeline; without DVC nobody knows what would rerun."""
    with suppress(ThroughlineError):
        if fresh:
            return standing_pipelines(root)
    unknown: dict[str, Any] = {"reruns": {}, "looks": 0}
    return [entry | unknown for entry in released_pipelines(root)]


def _entry(root: Path, folder: Path, known: dict[str, Any]) -> dict[str, Any]:
    name = known["pipeline"]
    path = Workspace(root, name).evaluation / "report.json"
    report = read_json(path) if path.exists() else None
    metric, measured = decisive(report) if report else ("", None)
    causes = (f"{stage}: {reasons[0]}" for stage, reasons in known["reruns"].items())
    return {
        **known,
        "title": report.get("title", "") if report else "",
        "metric": metric,
        "measured": measured,
        "why": "; ".join(causes),
        "broken": [gate["gate"] for gate in report["gates"] if not gate["holds"]] if report else [],
        "drift": _drift(folder / name / "drift" / "drift.json"),
        "trend": _trend(root, name, metric),
        "pages": {word: f"{name}/{PAGES[word]}" for word in existing(folder / name)},
    }


def _drift(path: Path) -> str:
    if not path.exists():
        return ""
    found = read_json(path)
    return f"{len(found['drifted'])} of {len(found['columns'])} columns"


def _trend(root: Path, name: str, metric: str) -> Markup | None:
    """The figure over the releases that have it, as a small line."""
    from throughline.releasing import releases

    values: dict[str, float] = {}
    for version in releases.versions(root, name):
        # A record that is lost or another's is no reason to show no page.
        with suppress(ThroughlineError):
            figure = releases.read(root, name, version)["metrics"].get(metric)
            values |= {version: figure["value"]} if figure else {}
    return spark(values, metric) if len(values) > 1 else None


def _commit(root: Path) -> str:
    from throughline.releasing.git import GitRefused, commit

    try:
        return commit(root)[:12]
    except GitRefused:
        return ""


def _versions() -> Iterator[str]:
    """Python and the libraries that make the bytes of a model."""
    import platform

    from throughline.releasing.machine import PACKAGES, installed

    yield f"Python {platform.python_version()}"
    held = installed()
    yield from (f"{name} {held[name]}" for name in PACKAGES if name in held)
