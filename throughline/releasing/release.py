"""`throughline release`: make, list, show and compare releases, or go back to an older one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from throughline.errors import ThroughlineError
from throughline.releasing import releases
from throughline.releasing.promotion import created, rolled_back
from throughline.running.why import ABSENT, differences

ROOT = Path()


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0, or 2 for a mistake or a refusal."""
    chosen = _parser().parse_args(arguments)
    try:
        print(chosen.run(chosen))
    except ThroughlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="throughline release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="release what the pipeline's files hold now")
    create.add_argument("name", metavar="PIPELINE")
    create.set_defaults(run=lambda c: f"released {created(ROOT, c.name, c.commit)}")
    listing = commands.add_parser("list", help="all releases; * marks the champion")
    listing.add_argument("name", nargs="?", metavar="PIPELINE")
    listing.set_defaults(run=lambda c: listed(ROOT, c.name))
    show = commands.add_parser("show", help="a release's record")
    show.add_argument("release", metavar="NAME@VERSION")
    show.set_defaults(run=lambda c: shown(ROOT, c.release))
    diff = commands.add_parser("diff", help="what differs between two releases")
    diff.add_argument("old", metavar="NAME@VERSION")
    diff.add_argument("new", metavar="NAME@VERSION")
    diff.set_defaults(run=lambda c: compared(ROOT, c.old, c.new))
    rollback = commands.add_parser("rollback", help="make an older release the champion again")
    rollback.add_argument("release", metavar="NAME@VERSION")
    rollback.set_defaults(run=lambda c: rolled_back(ROOT, c.release, c.commit))
    for command in (create, rollback):
        command.add_argument(
            "--no-commit", dest="commit", action="store_false", help="leave the record uncommitted"
        )
    return parser


def listed(root: Path, name: str | None) -> str:
    """A table of releases."""
    names = [name] if name else releases.pipelines(root)
    lines = []
    for each in names:
        best = releases.champion(root, each)
        for version in releases.versions(root, each):
            record = releases.read(root, each, version)
            mark = "*" if version == best else " "
            digest = record["model"]["sha256"][:12]
            lines.append(
                f"{mark} {each}@{version:5} {record['released']}  {digest}  {_first(record)}"
            )
    return "\n".join(lines) or "No releases yet."


def _first(record: Mapping[str, Any]) -> str:
    name, figure = next(iter(record["metrics"].items()))
    if figure["low"] is None:
        return f"{name} {figure['value']:.4f}"
    return f"{name} {figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


def shown(root: Path, release: str) -> str:
    """A record as YAML."""
    record = releases.read(root, *releases.parsed(release))
    return yaml.safe_dump(record, sort_keys=False, width=100).rstrip()


def compared(root: Path, old: str, new: str) -> str:
    """The leaves that differ between two records."""
    first, second = (releases.read(root, *releases.parsed(release)) for release in (old, new))
    lines = [
        f"{key}: {'absent' if was == ABSENT else was} → {'absent' if now == ABSENT else now}"
        for key, was, now in differences(first, second)
    ]
    return "\n".join(lines) or f"{old} and {new} have equal records."


if __name__ == "__main__":
    sys.exit(main())
