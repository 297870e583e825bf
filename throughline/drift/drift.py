"""`throughline drift`: new rows against the training statistics that the model carries."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.drift.measures import MEASURES, Drift, Limits, drifts
from throughline.errors import BadData, BadPipeline, MissingFile, listed, nearest
from throughline.names import named
from throughline.paths import Workspace, needed, replaced, write_json

if TYPE_CHECKING:
    import pandas as pd

LITTLE = 100
SUFFIX = ".onnx"

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse}th,td{text-align:right;padding:.25rem .7rem;"
    "border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}"
    ".beyond{color:#a3161a;font-weight:600}"
)


def drift(name: str, data: Path, root: Path, limits: Limits | None = None) -> list[Drift]:
    """Compare new rows with the rows that a model was trained on, by what its file says of them.

    Writes reports/NAME/drift/drift.json and drift.html.

    Args:
        name: a pipeline, whose model.onnx is taken, or the path of a model file; a file needs
            neither its pipeline nor its data.
        data: a file of new rows, read as the pipeline's own source is where there is a pipeline.
        root: the repository.
        limits: from where on a column has drifted. Default: `Limits()`.

    Returns:
        One entry a column; the command line exits with 1 where any is `beyond` its limits.

    Raises:
        MissingFile: no such data, or no model.
        BadData: the new rows lack a column that the model takes.
        BadPipeline: the file is no model of ours.
    """
    limits = limits or Limits()
    model = root / name if name.endswith(SUFFIX) else Workspace(root, name).model
    known, trained, pipeline = _contract(needed(model, "export"))
    workspace = Workspace(root, pipeline)
    rows = _rows(data, workspace)
    absent = [entry["name"] for entry in known if entry["name"] not in rows.columns]
    if absent:
        remedy = nearest(absent[0], map(str, rows.columns))
        raise BadData(f"'{data}' must have the columns of the model", listed(absent), remedy)
    columns = [rows[entry["name"]].to_numpy(dtype=object) for entry in known]
    found = drifts(known, columns, limits, trained)
    with replaced(root / "reports" / pipeline / "drift") as draft:
        draft.mkdir(parents=True)
        write_json(draft / "drift.json", _as_json(found, len(rows), limits))
        page = _as_html(pipeline, found, len(rows), limits)
        (draft / "drift.html").write_text(page, encoding="utf-8")
    return found


def _contract(model: Path) -> tuple[list[dict[str, Any]], int | None, str]:
    """What a model's metadata say of its inputs, its training rows, and where it came from."""
    from throughline.serving.errors import BadRequest
    from throughline.serving.predictor import Predictor

    try:
        metadata = Predictor(model).metadata
    except BadRequest as error:
        raise BadPipeline(f"Drift is measured against a model. {error}") from None
    if "inputs" not in metadata:
        raise BadPipeline(
            f"'{model}' must carry the statistics of its training rows", "none in its metadata"
        )
    pipeline = named(metadata.get("pipeline", model.stem), f"The pipeline in '{model}'")
    return metadata["inputs"], metadata.get("training_rows"), pipeline


def _rows(data: Path, workspace: Workspace) -> pd.DataFrame:
    from throughline.pipeline.loading import load
    from throughline.pipeline.schema.source import Read
    from throughline.sources.formats.reading import read_table
    from throughline.sources.table import standardised

    if not data.is_file():
        raise MissingFile(f"'{data}' must be a file of new rows")
    read = Read()
    if workspace.pipeline_file.exists():
        # The new file's own name tells its format; all else is as the pipeline says.
        own = load(workspace).main.source.read
        read = own.model_copy(update={"member": None, "format": None})
    frame, _ = read_table(data, data.name, read)
    renamed = {old: new for old, new in read.rename.items() if old in frame.columns}
    return standardised(frame, renamed, read.text_columns, data.name)


def _as_json(found: Sequence[Drift], rows: int, limits: Limits) -> dict[str, Any]:
    return {
        "rows": rows,
        "limits": dataclasses.asdict(limits),
        "drifted": [drift.column for drift in found if drift.beyond],
        "columns": {
            drift.column: {
                **drift.measures,
                "chances": dict(drift.chances),
                "beyond": list(drift.beyond),
            }
            for drift in found
        },
    }


def _as_html(name: str, found: Sequence[Drift], rows: int, limits: Limits) -> str:
    head = "".join(f"<th>{m} (from {getattr(limits, m):g})</th>" for m in MEASURES)
    lines = []
    for drift in found:
        cells = "".join(
            f"<td class={'beyond' if measure in drift.beyond else 'within'}>"
            f"{drift.measures[measure]:.3f} <small>p {drift.chances[measure]:.2g}</small></td>"
            if measure in drift.measures else "<td></td>"
            for measure in MEASURES
        )  # fmt: skip
        lines.append(f"<tr><td>{escape(drift.column)}</td>{cells}</tr>")
    few = f"<p>Only {rows} rows: a small drift would not be found.</p>" if rows < LITTLE else ""
    meaning = (
        "<p>A column has drifted where a measure is no trifle (from) and no chance (p): unchanged "
        f"rows give any alarm in {limits.alarm:.0%} of all tables.</p>"
    )
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{escape(name)}: drift"
        f"</title><style>{STYLE}</style></head><body><h1>{escape(name)}: drift</h1>"
        f"<p>{rows:,} new rows, {sum(bool(d.beyond) for d in found)} of {len(found)} columns "
        f"drifted.</p>{meaning}{few}<table><thead><tr><th>column</th>{head}</tr></thead><tbody>"
        f"{''.join(lines)}</tbody></table></body></html>\n"
    )
