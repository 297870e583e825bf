"""`throughline scoreboard`: the texts' figures held against ours, over all pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from throughline.errors import MissingFile, ThroughlineError
from throughline.figures.names import NEITHER
from throughline.paths import Workspace, pipelines, read_json, replaced

PAGE = Path("scoreboard.md")
OPENING, CLOSING = "<!-- scoreboard -->", "<!-- /scoreboard -->"
VERDICTS = ("reproduced", "better", "not reached")

MEANING = """\
Every figure that a text prints and a pipeline file names, measured on `model.onnx` with raw rows.
*reproduced*: within the tolerance that the pipeline file gives; where it gives none, the printed
figure lies in our 95 % interval, or within 2 sd of the text's own runs, or equals ours as far as
it is printed. *better*: beyond that on the good side. *not reached*: anything else, with the
reason. A pipeline whose rows stand in for a text's own names no figure of it.
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
        _tally([claim["verdict"] for _, claim in claims]) + "\n",
        _row("pipeline", "variant", "text", "metric", "printed", "ours", "verdict", "why"),
        _row(*["---"] * 8),
        *(_row(*_claim(report, claim)) for report, claim in claims),
    ]
    if missing:
        lines += ["", f"Not evaluated here: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _claim(report: dict[str, Any], claim: dict[str, Any]) -> Iterable[str]:
    spread = "" if claim["sd"] is None else f" ± {claim['sd']:g}"
    rows = report["branches"][claim["variant"]]["rows"]
    # A figure of training rows must not pass for one of test rows.
    of_rows = not claim["metric"].startswith(("train_", "cv_", *NEITHER))
    note = " (training rows)" if of_rows and not rows["test"] else ""
    return (
        report["pipeline"],
        claim.get("point") or ("" if claim["variant"] == "main" else claim["variant"]),
        f"{claim['text']} {claim['at']}",
        f"{claim['metric']}{note}",
        f"{claim['printed']:g}{spread}",
        _figure(claim["ours"]),
        f"**{claim['verdict']}**" if claim["verdict"] == "not reached" else claim["verdict"],
        " ".join(part for part in (claim["erratum"], claim["reason"]) if part),
    )


def _short(reports: list[dict[str, Any]]) -> str:
    """One line a pipeline: what it reaches, against what, and how its texts' figures fared."""
    lines = [
        _row("pipeline", "question", "measured on raw rows", "against", "the texts' figures"),
        _row(*["---"] * 5),
    ]
    for report in reports:
        main = report["branches"]["main"]
        baseline = main["comparisons"][0]
        metric = baseline["difference"]["metric"]
        rows = "" if main["rows"]["test"] else ", training rows"
        lines.append(
            _row(
                f"`{report['pipeline']}`",
                report["title"],
                f"{metric} {_figure(main['metrics'][metric])}{rows}",
                f"{baseline['name']} {_figure(baseline['metrics'][metric], False)}",
                _tally([claim["verdict"] for claim in report["claims"]]),
            )
        )
    return "\n".join(lines) + "\n"


def _tally(verdicts: list[str]) -> str:
    if not verdicts:
        return "none printed"
    counts = {verdict: verdicts.count(verdict) for verdict in VERDICTS}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def _figure(figure: dict[str, Any], with_interval: bool = True) -> str:
    value = f"{figure['value']:.4g}"
    if figure["low"] is None or not with_interval:
        return value
    return f"{value} [{figure['low']:.4g}, {figure['high']:.4g}]"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


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
