"""`throughline release`: make, list, show and compare releases, or go back to an older one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from throughline.limits import guarded
from throughline.releasing import releases
from throughline.releasing.git import git
from throughline.releasing.stages.approval import approver, proof
from throughline.releasing.stages.standing import assignments, standing_versions
from throughline.running.why import ABSENT, differences


def listed(root: Path, name: str | None) -> str:
    """A table of releases, each with the stages that it stands in."""
    names = [name] if name else releases.pipelines(root)
    lines = []
    for each in names:
        best, stages = releases.champion(root, each), standing_versions(root, each)
        for version in releases.versions(root, each):
            places = ", ".join(
                stage for stage, stands in sorted(stages.items()) if stands == version
            )
            mark = "*" if version == best else " "
            with guarded(f"releases/{each}/{version}.yaml", timed=False):
                line = f"{mark} {_line(releases.read(root, each, version))}"
            lines.append(f"{line}  {places}".rstrip())
    return "\n".join(lines) or "No releases yet."


def _line(record: Mapping[str, Any]) -> str:
    name = f"{record['pipeline']}@{record['version']:5}"
    return f"{name} {record['released']}  {record['model']['sha256'][:12]}  {_first(record)}"


def _first(record: Mapping[str, Any]) -> str:
    name, figure = next(iter(record["metrics"].items()))
    if figure["low"] is None:
        return f"{name} {figure['value']:.4f}"
    return f"{name} {figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


def shown(root: Path, release: str) -> str:
    """A record as YAML, with the stages that the release was put into: when, by whom, why."""
    name, version = releases.parsed(release)
    record = releases.read(root, name, version)
    stages = [*_stood(root, name, version)]
    content = {**record, **({"stages of the release": stages} if stages else {})}
    return yaml.safe_dump(content, sort_keys=False, width=100).rstrip()


def _stood(root: Path, name: str, version: str) -> Iterator[dict[str, str]]:
    if not git(root, "tag", "--list", releases.tag(root, name, version)):
        return
    commit = releases.tagged(root, name, version)
    for each in assignments(root, name):
        if each.commit == commit:
            approved = approver(root, name, version, each.stage)
            yield {
                "stage": each.stage,
                "since": datetime.fromtimestamp(each.seconds, UTC).isoformat(),
                "by": each.who,
                "message": each.message,
                **(
                    {"approved by": approved, "who is": proof(root, name, version, each.stage)}
                    if approved
                    else {}
                ),
            }


def compared(root: Path, old: str, new: str) -> str:
    """The leaves that differ between two records."""
    first, second = (releases.read(root, *releases.parsed(release)) for release in (old, new))
    lines = [
        f"{key}: {'absent' if was == ABSENT else was} → {'absent' if now == ABSENT else now}"
        for key, was, now in differences(first, second)
    ]
    return "\n".join(lines) or f"{old} and {new} have equal records."
