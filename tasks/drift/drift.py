"""`python -m tasks drift`: new rows against the training statistics that the model carries."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.drift.measures import Drift, Limits, drift_of
from tasks.errors import BadData, MissingFile, listed, nearest
from tasks.workspace import Workspace, needed, read_json, replaced, write_json

if TYPE_CHECKING:
    import pandas as pd

LITTLE = 100

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse}th,td{text-align:right;padding:.25rem .7rem;"
    "border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}"
    ".beyond{color:#a3161a;font-weight:600}"
)


def drift(name: str, data: Path, workspace: Workspace, limits: Limits | None = None) -> list[Drift]:
    """Compare new rows with the rows that the pipeline's model was trained on.

    Writes reports/NAME/drift/drift.json and drift.html.

    Args:
        name: the pipeline; `prepare` has run.
        data: a file of new rows, read as the pipeline's own source is.
        workspace: of the repository.
        limits: from where on a column has drifted. Default: `Limits()`.

    Returns:
        One entry a column; the command line exits with 1 where any is `beyond` its limits.

    Raises:
        MissingFile: no such data, or no prepared pipeline.
        BadData: the new rows lack a column that the model takes.
    """
    workspace = Workspace(workspace.root, name)
    limits = limits or Limits()
    prepared = read_json(needed(workspace.training_data / "main" / "prepared.json", "prepare"))
    rows = _rows(data, workspace)
    known = prepared["inputs"]
    absent = [entry["name"] for entry in known if entry["name"] not in rows.columns]
    if absent:
        remedy = nearest(absent[0], map(str, rows.columns))
        raise BadData(f"'{data}' must have the columns of the model", listed(absent), remedy)
    found = [drift_of(entry, rows[entry["name"]].to_numpy(dtype=object), limits) for entry in known]
    with replaced(workspace.root / "reports" / name / "drift") as draft:
        draft.mkdir()
        write_json(draft / "drift.json", _as_json(found, len(rows), limits))
        page = _as_html(name, found, len(rows), limits)
        (draft / "drift.html").write_text(page, encoding="utf-8")
    return found


def _rows(data: Path, workspace: Workspace) -> pd.DataFrame:
    from tasks.config.loading import load
    from tasks.sources.formats.reading import read_table
    from tasks.sources.table import standardised

    if not data.is_file():
        raise MissingFile(f"'{data}' must be a file of new rows")
    read = load(workspace).main.source.read
    # The new file's own name tells its format; all else is as the pipeline says.
    frame, _ = read_table(data, data.name, read.model_copy(update={"member": None}))
    return standardised(frame, read.rename, read.text_columns, data.name)


def _as_json(found: Sequence[Drift], rows: int, limits: Limits) -> dict[str, Any]:
    return {
        "rows": rows,
        "limits": dataclasses.asdict(limits),
        "drifted": [drift.column for drift in found if drift.beyond],
        "columns": {
            drift.column: {**drift.measures, "beyond": list(drift.beyond)} for drift in found
        },
    }


def _as_html(name: str, found: Sequence[Drift], rows: int, limits: Limits) -> str:
    measures = [field.name for field in dataclasses.fields(Limits)]
    head = "".join(f"<th>{m} (limit {getattr(limits, m):g})</th>" for m in measures)
    lines = []
    for drift in found:
        cells = "".join(
            f"<td class={'beyond' if measure in drift.beyond else 'within'}>"
            f"{drift.measures[measure]:.3f}</td>" if measure in drift.measures else "<td></td>"
            for measure in measures
        )  # fmt: skip
        lines.append(f"<tr><td>{escape(drift.column)}</td>{cells}</tr>")
    few = f"<p>Only {rows} rows: chance alone moves the figures.</p>" if rows < LITTLE else ""
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{escape(name)}: drift"
        f"</title><style>{STYLE}</style></head><body><h1>{escape(name)}: drift</h1>"
        f"<p>{rows:,} new rows, {sum(bool(d.beyond) for d in found)} of {len(found)} columns "
        f"drifted.</p>{few}<table><thead><tr><th>column</th>{head}</tr></thead><tbody>"
        f"{''.join(lines)}</tbody></table></body></html>\n"
    )
