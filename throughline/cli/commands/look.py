"""Commands that look at a project: `list`, `status`, `compare`, `open`, `doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from throughline.cli.arguments import JSON, ONE_IF_ANY, PIPELINE, STRICT
from throughline.errors import printable, tell
from throughline.terminal import Mood, coloured, note

ROOT = Path()


@click.command("list")
@JSON
def _list(as_json: bool) -> None:
    """List pipelines with their state, figure, gates and champion."""
    from throughline.project.overview import listed_pipelines

    found = listed_pipelines(ROOT)
    _show(found, as_json)
    # Of the first that can be asked, or else run.
    first = next(iter(sorted(found, key=lambda entry: not entry["figure"])), None)
    if first and not as_json:
        note(f"next: throughline {'try' if first['figure'] else 'run'} {first['pipeline']}")


@click.command()
@ONE_IF_ANY
@JSON
def status(name: str | None, as_json: bool) -> None:
    """Say of each pipeline whether it is up to date, its figure, gates, champion and stages.

    As `list`, and DVC is asked what would rerun; `throughline why` says all causes.
    """
    from throughline.project.overview import standing_pipelines

    _show(standing_pipelines(ROOT, name), as_json)


def _show(found: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=1))
        return
    if not found:
        print("no pipeline yet; throughline add DATA makes one")
    width = max((len(entry["pipeline"]) for entry in found), default=0)
    for entry in found:
        print(f"{entry['pipeline']:{width}}  {' · '.join(filter(None, _remarks(entry)))}")


def _remarks(entry: Mapping[str, Any]) -> Iterator[str]:
    """What is said of a pipeline, as far as it was asked."""
    yield printable(entry["figure"] or entry["state"])
    mood: Mood = "bad" if entry["gates"].startswith("gates broken") else "good"
    yield entry["gates"] and coloured(entry["gates"], mood)
    if entry["figure"] and entry.get("looks", 0) > 1:
        yield f"its test rows have judged {entry['looks']} models"
    # Its figure says that it was evaluated.
    if entry["figure"] and entry["state"] == "up to date":
        yield entry["state"]
    for stage, causes in islice(entry.get("reruns", {}).items(), 1):
        yield coloured(f"would rerun from {stage}: {causes[0]}", "warn")
    if entry["champion"]:
        yield printable(f"champion {entry['champion']}")
    for stage, version in entry.get("stages", {}).items():
        yield printable(f"{stage} {version}")


@click.command()
@click.argument("revision")
@ONE_IF_ANY
@click.option("--markdown", is_flag=True, help="As a comment of a pull request, with charts.")
@STRICT
def compare(revision: str, name: str | None, markdown: bool, strict: bool) -> int:
    """Hold figures and gates of the pipelines here against those at a REVISION of git.

    The exit code is 1 when a gate does not hold and `--strict` asks for it.
    """
    from throughline.releasing import comparison

    pairs = comparison.compared(ROOT, revision, name)
    if markdown:
        print(comparison.markdown(pairs, revision), end="")
    else:
        tell("\n".join(comparison.plain_lines(pairs, revision)))
    return int(strict and any(pair.broken for pair in pairs))


OPENED = click.option("--open/--no-open", "opened", default=True, help="Or only say where it is.")


@click.command("open")
@ONE_IF_ANY
@OPENED
def _open(name: str | None, opened: bool) -> None:
    """Open a pipeline's report in the browser, before it ran its profile; or all pipelines."""
    from throughline.project.index import write_index
    from throughline.project.overview import report_of

    page = write_index(ROOT) if name is None else report_of(ROOT, name)
    _in_browser(page, opened)


@click.command("try")
@PIPELINE
@OPENED
def _try(name: str, opened: bool) -> None:
    """Write reports/PIPELINE/try.html and open it: a form that asks the model.

    One file that needs no network; its runtime, onnxruntime-web, is fetched once.
    """
    from throughline.trial.trial import tried

    _in_browser(tried(ROOT, name), opened)


def _in_browser(page: Path, opened: bool) -> None:
    import webbrowser

    print(page)
    if opened:
        webbrowser.open(page.resolve().as_uri())


@click.command()
@JSON
def doctor(as_json: bool) -> int:
    """Look at Python, libraries, disk, GPU, DVC and Prefect; say how to mend what is wrong.

    The exit code is 1 where something is.
    """
    from throughline.cli.surroundings import examined

    found = examined(ROOT)
    if as_json:
        print(json.dumps([entry._asdict() for entry in found], indent=1))
    else:
        width = max(len(entry.what) for entry in found)
        for entry in found:
            remedy = coloured(f" — {entry.remedy}", "warn") if entry.remedy else ""
            mark = coloured("!", "bad") if entry.remedy else " "
            print(f"{mark} {printable(f'{entry.what:{width}}  {entry.state}')}{remedy}")
    return 1 if any(entry.remedy for entry in found) else 0


# The group finds them by these names; the last is a word of Python's own.
list, open = _list, _open
globals()["try"] = _try
