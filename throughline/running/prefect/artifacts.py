"""What a run shows in Prefect: the verdict on the rows, the metrics, curves, where time went."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from throughline.paths import Workspace, read_json
from throughline.running.ledger import Ledger

MOST_EPOCHS = 20
LONGEST = 120
# Stages of other folders, or of the root, have no artifacts.


def publish_metrics(root: Path, pipeline: str) -> None:
    """Store the figures of a pipeline on its test rows."""
    from prefect.artifacts import create_table_artifact

    metrics = Workspace(root, pipeline).metrics
    if metrics.exists():
        create_table_artifact(
            table=[{"metric": name, "value": value} for name, value in flat(read_json(metrics))],
            key=key(pipeline, "metrics"),
            description=f"Figures of {pipeline} on its test rows",
        )


def publish_curves(root: Path, pipeline: str) -> None:
    """Store the learning curve: the mean over the folds, by epoch."""
    from prefect.artifacts import create_table_artifact

    curves = Workspace(root, pipeline).cross_validation / "curves.csv"
    epochs = curve(curves) if curves.exists() else []
    if epochs:
        create_table_artifact(
            table=epochs,
            key=key(pipeline, "learning-curve"),
            description=f"Mean of {pipeline} over its folds, by epoch",
        )


def publish_validation(root: Path, pipeline: str) -> None:
    """Store the verdict of every expectation; also where the rows were refused."""
    from prefect.artifacts import create_table_artifact

    report = Workspace(root, pipeline).validation_report / "validation.json"
    if not report.exists():
        return
    found = read_json(report)
    create_table_artifact(
        table=[_verdict(rule) for rule in found["rules"]],
        key=key(pipeline, "validation"),
        description=(
            f"Expectations of {pipeline} on {found['rows']} rows: "
            f"{'all hold' if found['passed'] else 'some fail'}, {found['quarantined']} rows set "
            f"aside{', the rows were refused' if found['stopped'] else ''}"
        ),
    )


def _verdict(rule: Mapping[str, Any]) -> dict[str, Any]:
    first = rule["examples"][0] if rule["examples"] else None
    shown = f"row {first['row']}: {first['value']}" if first else rule["observed"]
    return {
        "expectation": rule["rule"],
        "arguments": ", ".join(f"{name}: {value}" for name, value in rule["arguments"].items())[
            :LONGEST
        ],
        "verdict": "holds" if rule["passed"] else "fails",
        "rows that break it": rule["broken_by"],
        "found": "" if shown is None else str(shown)[:LONGEST],
    }


def publish_ledger(ledger: Ledger, summary: list[str]) -> None:
    """Store where the time of a run went."""
    from prefect.artifacts import create_table_artifact

    rows = [
        {"work": kind, "seconds": round(seconds, 2)} for kind, seconds in ledger.seconds().items()
    ]
    rows.append({"work": "time passed", "seconds": round(ledger.passed, 2)})
    create_table_artifact(table=rows, key="ledger", description="\n\n".join(summary))


def publish_status(entries: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
    """Store how all pipelines stand, as the command `status` says it.

    A report of another pipeline that cannot be read is told, and fails no flow.

    Args:
        entries: gives one for each pipeline; see `throughline.project.overview.released_pipelines`.
    """
    from prefect.artifacts import create_table_artifact

    try:
        table = [{**_shown(entry), "stages": _stood(entry["stages"])} for entry in entries()]
    except Exception as error:
        print(f"no status of the pipelines: {type(error).__name__}: {error}", flush=True)
        return
    create_table_artifact(table=table, key="status", description="All pipelines of the project")


def _shown(entry: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value)[:LONGEST] for name, value in entry.items()}


def _stood(stages: Mapping[str, str]) -> str:
    return ", ".join(f"{stage} {version}" for stage, version in stages.items())


def key(*words: str) -> str:
    """An artifact's key: Prefect allows small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


def flat(content: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """The numbers in nested mappings, as (dotted name, number)."""
    if isinstance(content, Mapping):
        for inner, value in content.items():
            yield from flat(value, f"{name}.{inner}" if name else str(inner))
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield name, content


def curve(path: Path) -> list[dict[str, str]]:
    """At most `MOST_EPOCHS` rows of a table of epochs, evenly spaced, the last one included."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    step = max(1, -(-len(rows) // MOST_EPOCHS))
    return rows[::-1][::step][::-1]
