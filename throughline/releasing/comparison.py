"""`throughline compare REVISION`: figures, gates and learning curves here and at a git revision."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from throughline.errors import BadPipeline
from throughline.evaluation.measure.evaluated import known_figure
from throughline.paths import Workspace, pipelines
from throughline.releasing.git import GitRefused, git
from throughline.releasing.remote import stores
from throughline.report.markup import plain_markdown, spoken
from throughline.running.private_dvc import no_listing
from throughline.running.repository import bounded

# Points of a curve that a chart of Markdown still shows apart.
MOST_POINTS = 40
MOST_BYTES = 60_000
ABSENT = "–"
LOST = "What it was before is in no cache or remote of DVC's that answers: `dvc push` it there."


@dataclass(frozen=True)
class Side:
    """What one revision, or the workspace, says of a pipeline.

    Attributes:
        report: the content of report.json; empty where it has none.
        curve: of each epoch the mean loss of the folds' validation rows.
        lost: whether there is a report that neither DVC's cache nor its remote gives.
    """

    report: Mapping[str, Any] = field(default_factory=dict)
    curve: tuple[float, ...] = ()
    lost: bool = False

    @property
    def figures(self) -> Mapping[str, Any]:
        """The figures of the test rows by name."""
        return dict(self.report["branches"]["main"]["metrics"]) if self.report else {}

    @property
    def gates(self) -> Mapping[str, Mapping[str, Any]]:
        """The gates by what they ask."""
        return {gate["gate"]: gate for gate in self.report.get("gates", [])}


@dataclass(frozen=True)
class Pair:
    """A pipeline at a revision and here."""

    name: str
    before: Side
    here: Side

    @property
    def broken(self) -> list[str]:
        """The gates that do not hold here."""
        return [gate for gate, found in self.here.gates.items() if not found["holds"]]


def compared(root: Path, revision: str, name: str | None = None) -> list[Pair]:
    """The pipelines of the workspace beside those of a revision.

    What a revision held is read from DVC's cache, or from its remote.

    Args:
        root: the project.
        revision: of git, such as `main`.
        name: a pipeline. Default: all.

    Raises:
        BadPipeline: git has no such revision.
    """
    try:
        commit = git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except GitRefused:
        raise BadPipeline(
            "A revision of git was expected", revision, "`git fetch` it, with all its history"
        ) from None
    names = [name] if name else pipelines(root)
    from dvc.api import DVCFileSystem

    bounded()
    # A revision may be older than the remote.
    then = DVCFileSystem(url=str(root.resolve()), rev=commit, config=stores(root))
    return [Pair(each, _side(root, each, then), _side(root, each)) for each in names]


def _side(root: Path, name: str, then: Any = None) -> Side:
    workspace = Workspace(root, name)
    try:
        report = _text(root, workspace.evaluation / "report.json", then)
        curve = _text(root, workspace.cross_validation / "curves.csv", then)
    except _Lost:
        return Side(lost=True)
    rows = csv.DictReader(io.StringIO(curve))
    return Side(
        json.loads(report) if report else {},
        tuple(float(row["validation"]) for row in rows if row.get("validation")),
    )


class _Lost(Exception):
    """A file that DVC knows of and has nowhere."""


def _text(root: Path, path: Path, then: Any) -> str:
    """A file of the workspace, or of a revision; empty where there is none.

    Raises:
        _Lost: no cache or remote gives the folder that it lies in.
    """
    from dvc.exceptions import DvcException

    if then is None:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    place = path.relative_to(root)
    # DVC knows the folder without having it, and then says that nothing is in it.
    if not then.exists(place.parent.as_posix()):
        return ""
    try:
        content: bytes = then.read_bytes(place.as_posix())
    except (no_listing(), DvcException, OSError):
        raise _Lost from None
    return content.decode("utf-8")


def plain_lines(pairs: list[Pair], revision: str) -> Iterator[str]:
    """The comparison for a terminal: a line for each pipeline, its gates below."""
    width = max((len(pair.name) for pair in pairs), default=0)
    for pair in pairs:
        rows = () if pair.before.lost else _rows(pair)
        changed = [
            f"{spoken(name)} {was} → {now}{_judged(mark)}"
            for name, was, now, mark in rows
            if was != now
        ]
        same = LOST if pair.before.lost else f"as at {revision}"
        yield f"{pair.name:{width}}  {', '.join(changed) or same}"
        yield from (f"{'':{width}}  gate broken: {gate}" for gate in pair.broken)


def markdown(pairs: list[Pair], revision: str) -> str:
    """The comparison as GitHub's Markdown: figures, gates, learning curves as charts."""
    changed = [pair for pair in pairs if pair.before != pair.here]
    same = [pair.name for pair in pairs if pair.before == pair.here]
    # In such quotation marks everything is a text but the mark itself.
    parts = [f"## Pipelines against `{revision.replace('`', '')}`"]
    parts += ["\n\n".join(_section(pair)) for pair in changed]
    if same:
        parts.append(f"As before: {', '.join(same)}.")
    broken = [f"{pair.name}: {plain_markdown(gate)}" for pair in pairs for gate in pair.broken]
    parts.append(f"**Gates broken:** {', '.join(broken)}." if broken else "All gates hold.")
    text = "\n\n".join(parts)
    if len(text.encode()) > MOST_BYTES:
        text = "\n\n".join([parts[0], *(_brief(pair) for pair in changed), *parts[-1:]])
    return f"{text.encode()[:MOST_BYTES].decode('utf-8', 'ignore')}\n"


def _section(pair: Pair) -> Iterator[str]:
    yield f"### {pair.name}"
    if not pair.here.report:
        yield "No report here: its stages did not run."
        return
    if not pair.before.report:
        yield LOST if pair.before.lost else "New: there is nothing to compare with."
    rows = [f"| {plain_markdown(spoken(name))} | {was} | {now} | {mark} |" for name, was, now, mark
            in _rows(pair)]  # fmt: skip
    yield "\n".join(["| figure | before | here | |", "|---|---|---|---|", *rows])
    gates = {**pair.before.gates, **pair.here.gates}
    if gates:
        lines = [
            f"| {plain_markdown(gate)} | {_held(pair.before.gates.get(gate))} | "
            f"{_held(pair.here.gates.get(gate))} |"
            for gate in gates
        ]
        yield "\n".join(["| gate | before | here |", "|---|---|---|", *lines])
    if pair.here.curve and pair.before.curve != pair.here.curve:
        yield _chart(pair)


def _brief(pair: Pair) -> str:
    """A pipeline in a line, where a comment would be too long."""
    rows = [f"{plain_markdown(spoken(name))} {was} → {now}" for name, was, now, _ in _rows(pair)]
    return f"**{pair.name}**: {', '.join(rows[:1]) or 'no report here'}"


def _rows(pair: Pair) -> Iterator[tuple[str, str, str, str]]:
    """For each figure its name, what it was, what it is, and whether that is better or worse."""
    before, here = pair.before.figures, pair.here.figures
    for name in {**before, **here}:
        was, now = before.get(name), here.get(name)
        yield name, _ranged(was), _ranged(now), _mark(name, was, now)


def _mark(name: str, was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> str:
    """Which way a figure went; nothing is said of what two intervals have in common."""
    figure = known_figure(name)
    if was is None or now is None or was["value"] == now["value"]:
        return ""
    if figure is None or figure.rises is None:
        return ""
    better = figure.is_better(now["value"], was["value"])
    overlap = None not in (was.get("low"), now.get("low")) and (
        was["low"] <= now["high"] and now["low"] <= was["high"]
    )
    return ("better" if better else "worse") + (", within the intervals" if overlap else "")


def _judged(mark: str) -> str:
    return f" ({mark})" if mark else ""


def _ranged(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return ABSENT
    low, high = figure.get("low"), figure.get("high")
    interval = f" ({low:.4g} to {high:.4g})" if None not in (low, high) else ""
    return f"{figure['value']:.4g}{interval}"


def _held(gate: Mapping[str, Any] | None) -> str:
    if gate is None:
        return ABSENT
    return f"{'holds' if gate['holds'] else '**broken**'}, {gate['value']:.4g}"


def _chart(pair: Pair) -> str:
    """The learning curves of the folds, as Mermaid's chart, which GitHub draws."""
    curves = [(curve, word) for curve, word in
              ((pair.before.curve, "before"), (pair.here.curve, "here")) if curve]  # fmt: skip
    longest = max(len(curve) for curve, _ in curves)
    step = max(1, -(-longest // MOST_POINTS))
    lines = [
        f"  line [{', '.join(f'{value:.6g}' for value in _even(curve, longest)[::step])}]"
        for curve, _ in curves
    ]
    words = " and ".join(word for _, word in curves)
    head = [
        "xychart-beta",
        f'  title "validation loss of the folds: {words}"',
        f'  x-axis "epoch" 1 --> {longest}',
        '  y-axis "loss"',
    ]
    return "\n".join(["```mermaid", *head, *lines, "```"])


def _even(curve: tuple[float, ...], length: int) -> tuple[float, ...]:
    """A curve that ended early, its last value held on: a chart's lines share their axis."""
    return curve + curve[-1:] * (length - len(curve))
