"""Commands that look at a project: `list`, `open`, `doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from throughline.cli.arguments import PIPELINE

ROOT = Path()
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


@click.command("list")
@JSON
def _list(as_json: bool) -> None:
    """List pipelines with their state, figure, gates and champion."""
    from throughline.cli.overview import listed_pipelines

    found = listed_pipelines(ROOT)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    if not found:
        print("no pipeline yet; throughline add DATA makes one")
    width = max((len(entry["pipeline"]) for entry in found), default=0)
    for entry in found:
        crowned = entry["champion"] and f"champion {entry['champion']}"
        told = [entry["figure"] or entry["state"], entry["gates"], crowned]
        print(f"{entry['pipeline']:{width}}  {' · '.join(filter(None, told))}")


@click.command("open")
@PIPELINE
def _open(name: str) -> None:
    """Open a pipeline's report in the browser; before it ran, its profile."""
    import webbrowser

    from throughline.cli.overview import report_of

    page = report_of(ROOT, name)
    print(page)
    webbrowser.open(page.resolve().as_uri())


@click.command()
@JSON
def doctor(as_json: bool) -> int:
    """Look at Python, libraries, disk, GPU and DVC, and say how to mend what is wrong.

    The exit code is 1 where something is.
    """
    from throughline.cli.overview import examined

    found = examined(ROOT)
    if as_json:
        print(json.dumps([entry._asdict() for entry in found], indent=1))
    else:
        width = max(len(entry.what) for entry in found)
        for entry in found:
            mark, remedy = ("!", f" — {entry.remedy}") if entry.remedy else (" ", "")
            print(f"{mark} {entry.what:{width}}  {entry.found}{remedy}")
    return 1 if any(entry.remedy for entry in found) else 0


# The group finds them by these names.
list, open = _list, _open
