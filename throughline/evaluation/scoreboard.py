"""`throughline scoreboard`: the texts' figures held against ours, over all pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from throughline.errors import MissingFile, ThroughlineError, printable
from throughline.evaluation.compare.verdicts import COMPATIBLE, EQUAL, NOT
from throughline.evaluation.measure.evaluated import FIGURES
from throughline.evaluation.show.line import decisive
from throughline.limits import guarded
from throughline.paths import Workspace, pipelines, read_json, replaced

PAGE = Path("scoreboard.md")
OPENING, CLOSING = "<!-- scoreboard -->", "<!-- /scoreboard -->"
VERDICTS = (EQUAL, COMPATIBLE, NOT)
# What a figure is of; only the first two say how well a model does on rows it has not seen.
KINDS = {
    "test": "figures of test rows",
    "folds": "figures of cross-validation",
    "training": "figures of training rows",
    "baseline": "figures of baselines",
    "count": "counts, shapes and coefficients",
    "stand-in": "figures of rows that stand in for the text's",
}

MEANING = """\
Every figure that a text prints and a pipeline file names, measured on `model.onnx` with raw rows.
*shown equal*: our whole 95 % interval lies within the margin of the printed figure; a figure
without an interval does so itself. The margin is two points of a share, a tenth of an error,
unless the file says why another one. *compatible*: the printed figure lies in our interval, or
within 2 sd of the text's own runs, so nothing shows a difference. *not reproduced*: anything else,
with the reason and the side on which ours lies. Figures of training rows say nothing about new ones
and have no interval; counts must be equal. Where other rows stand in for the text's, neither
verdict says anything of the text.
"""


def scoreboard(
    root: Path,
    names: Sequence[str],
    write: bool = False,
    output: Path | None = None,
    beside: Path | None = None,
) -> str:
    """The table of all claims, as Markdown.

    Args:
        root: the repository.
        names: the pipelines.
        write: also write scoreboard.md and the short table of README.md. Defaults to False.
        output: a file for the table, below `root`. Default: none.
        beside: another project whose pipelines belong to the same table. Default: none.

    Raises:
        MissingFile: none of the pipelines has been evaluated.
        ThroughlineError: README.md has no place for the short table.
    """
    paths = {name: _report(root, name) for name in names}
    if beside is not None:
        paths |= {name: _report(beside, name) for name in pipelines(beside)}
    paths = dict(sorted(paths.items()))
    reports = {name: read_json(path) for name, path in paths.items() if path.exists()}
    missing = [name for name, path in paths.items() if not path.exists()]
    if not reports:
        raise MissingFile(
            "A scoreboard needs evaluated pipelines", f"no {next(iter(paths.values()), '')}",
            "Run `dvc repro` first",
        )  # fmt: skip
    for name, report in reports.items():
        # Of a stranger's project it may hold anything; one at a time, so that an error names it.
        with guarded(str(paths[name]), timed=False):
            _full([report], [])
            if write:
                _short([report])
    table = _full(list(reports.values()), missing)
    if output is not None:
        _write(root / output, table)
    if write:
        _write(root / PAGE, f"# The texts' figures and ours\n\n{MEANING}\n{table}")
        _write(root / "README.md", _with_short(root / "README.md", _short(list(reports.values()))))
    return table


def _report(root: Path, name: str) -> Path:
    return Workspace(root, name).evaluation / "report.json"


def _full(reports: list[dict[str, Any]], missing: list[str]) -> str:
    claims = [(report, claim) for report in reports for claim in report["claims"]]
    lines = [
        *_tallies([claim for _, claim in claims]),
        "",
        _row("pipeline", "variant", "text", "metric", "printed", "ours", "verdict", "why"),
        _row(*["---"] * 8),
        *(_row(*_claim(report, claim)) for report, claim in claims),
    ]
    if missing:
        lines += ["", f"Not evaluated here: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _claim(report: dict[str, Any], claim: dict[str, Any]) -> Iterable[str]:
    spread = "" if claim["sd"] is None else f" ± {claim['sd']:g}"
    # A figure of training rows must not pass for one of test rows, nor ours for one of the text's.
    unmarked = claim["kind"] == "training" and not claim["metric"].startswith("train_")
    note = " (training rows)" if unmarked else " (other data)" * (claim["kind"] == "stand-in")
    return (
        report["pipeline"],
        claim.get("point") or ("" if claim["variant"] == "main" else claim["variant"]),
        f"{claim['text']} {claim['at']}",
        f"{claim['metric']}{note}",
        f"{claim['printed']:g}{spread}",
        _figure(claim["ours"]),
        _said(claim),
        " ".join(part for part in (claim["erratum"], claim["reason"]) if part),
    )


def _short(reports: list[dict[str, Any]]) -> str:
    """All claims by kind, then a line a pipeline: what it reaches, how its texts' figures fared."""
    lines = [
        *_tallies([claim for report in reports for claim in report["claims"]]),
        "",
        _row("pipeline", "question", "measured on raw rows", "against", "the texts' figures"),
        _row(*["---"] * 5),
    ]
    for report in reports:
        main = report["branches"]["main"]
        baseline = main["comparisons"][0]
        metric = FIGURES.get(report["task"], [decisive(report)[0]])[0]
        rows = "" if main["rows"]["test"] else ", training rows"
        lines.append(
            _row(
                f"`{report['pipeline']}`",
                report["title"],
                f"{metric} {_figure(main['metrics'][metric])}{rows}",
                f"{baseline['name']} {_figure(baseline['metrics'][metric], False)}",
                _tally([c for c in report["claims"] if c["kind"] in ("test", "folds")]),
            )
        )
    return "\n".join(lines) + "\n"


def _said(claim: dict[str, Any]) -> str:
    if claim["verdict"] != NOT:
        return str(claim["verdict"])
    return f"**{NOT}**{', ' + claim['side'] if claim['side'] else ''}"


def _tallies(claims: list[dict[str, Any]]) -> list[str]:
    """A line for each kind of figure."""
    found = {kind: [claim for claim in claims if claim["kind"] == kind] for kind in KINDS}
    return [f"- {KINDS[kind]}: {_tally(some)}" for kind, some in found.items() if some]


def _tally(claims: list[dict[str, Any]]) -> str:
    if not claims:
        return "none printed"
    verdicts = [claim["verdict"] for claim in claims]
    counts = {verdict: verdicts.count(verdict) for verdict in VERDICTS}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def _figure(figure: dict[str, Any], with_interval: bool = True) -> str:
    value = f"{figure['value']:.4g}"
    if figure["low"] is None or not with_interval:
        return value
    return f"{value} [{figure['low']:.4g}, {figure['high']:.4g}]"


def _row(*cells: str) -> str:
    return "| " + " | ".join(printable(cell).replace("|", "\\|") for cell in cells) + " |"


def _with_short(readme: Path, table: str) -> str:
    content = readme.read_text(encoding="utf-8") if readme.exists() else ""
    before, opening, rest = content.partition(OPENING)
    _, closing, after = rest.partition(CLOSING)
    if not (opening and closing):
        raise ThroughlineError(
            f"{readme} must mark the place of the table",
            remedy=f"Write `{OPENING}` and `{CLOSING}` on lines of their own",
        )
    return f"{before}{OPENING}\n{table}{CLOSING}{after}"


def _write(path: Path, content: str) -> None:
    with replaced(path) as draft:
        draft.write_text(content, encoding="utf-8")
