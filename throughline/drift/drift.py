"""`throughline drift`: new rows against the training statistics that the model carries."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.drift.drawings import MOST_DRAWN, drawn
from throughline.drift.measures import MEASURES, Drift, Limits, drifts
from throughline.drift.seen import in_folder, seen
from throughline.errors import BadData, BadPipeline, MissingFile, listed, nearest
from throughline.names import named
from throughline.paths import Workspace, needed, replaced, write_json
from throughline.report.page import existing, page

if TYPE_CHECKING:
    import numpy as np

    from throughline.serving.predictor import Predictor
    from throughline.serving.rows.windows import Converted, Windowing

LITTLE = 100
SUFFIX = ".onnx"
# How a CSV file is read for a model whose source had types.
USUAL: dict[str, Any] = {"columns": {}}


def drift(name: str, data: Path, root: Path, limits: Limits | None = None) -> list[Drift]:
    """Compare new rows with the rows that a model was trained on, by what its file says of them.

    Writes reports/NAME/drift/drift.json and drift.html.

    Args:
        name: a pipeline, whose model.onnx is taken, or the path of a model file; a file needs
            neither its pipeline nor its data.
        data: a file of new rows, read as the pipeline's own source is where there is a pipeline, or
            a folder of pictures or sounds, read as `predict` reads each.
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
    predictor, pipeline = _contract(needed(model, "export"))
    metadata = predictor.metadata
    # The clock of a forecaster goes on; the columns that it takes beside it are watched.
    watched = set(predictor.columns)
    known = [entry for entry in metadata["inputs"] if entry["name"] in watched]
    if not data.exists():
        raise MissingFile(f"'{data}' must be a file of new rows, or a folder of pictures or sounds")
    reading: Mapping[str, Any] = {}
    if data.is_dir():
        columns: Mapping[str, Any] = in_folder(data, predictor.inputs)
    else:
        workspace = Workspace(root, pipeline)
        columns, reading = _columns(data, workspace, metadata, predictor.columns)
    absent = [entry["name"] for entry in known if entry["name"] not in columns]
    if absent:
        raise BadData(
            f"'{data}' must have the columns of the model",
            listed(absent),
            nearest(absent[0], columns),
        )
    if predictor.windowing is not None and predictor.windowing.joins:
        values = _joined(columns, predictor.windowing, predictor.converted)
    else:
        values = [_values(entry, columns, reading) for entry in known]
    known, values = seen(known, values)
    found = drifts(known, values, limits, metadata.get("training_rows"))
    rows = len(values[0])
    # Those that drifted are drawn before the others.
    order = sorted(range(len(found)), key=lambda place: not found[place].beyond)
    drawings: dict[str, Any] = dict.fromkeys(entry["name"] for entry in known)
    drawings |= {known[i]["name"]: drawn(known[i], values[i]) for i in order[:MOST_DRAWN]}
    with replaced(root / "reports" / pipeline / "drift") as draft:
        draft.mkdir(parents=True)
        write_json(draft / "drift.json", _as_json(found, rows, limits))
        html = _as_html(pipeline, found, rows, limits, drawings, draft.parent)
        (draft / "drift.html").write_text(html, encoding="utf-8")
    return found


def _contract(model: Path) -> tuple[Predictor, str]:
    """A model that says what its training rows held, and the pipeline it came from."""
    from throughline.serving.errors import BadRequest
    from throughline.serving.predictor import Predictor

    try:
        predictor = Predictor(model)
    except BadRequest as error:
        raise BadPipeline(f"Drift is measured against a model. {error}") from None
    if "inputs" not in predictor.metadata:
        raise BadPipeline(
            f"'{model}' must carry the statistics of its training rows", "none in its metadata"
        )
    pipeline = predictor.metadata.get("pipeline", model.stem)
    return predictor, named(pipeline, f"The pipeline in '{model}'")


def _columns(
    data: Path, workspace: Workspace, metadata: Mapping[str, Any], needed: Sequence[str]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The columns of new rows, and how the texts among them are read, as `predict` reads them."""
    from throughline.pipeline.loading import load
    from throughline.pipeline.schema.source import Read
    from throughline.sources.formats.content import decoded, unpacked
    from throughline.sources.formats.reading import format_of, read_bytes
    from throughline.sources.gate import taken
    from throughline.sources.pictures.images import from_arrays
    from throughline.sources.table import standardised

    read, images = Read(), None
    if workspace.pipeline_file.exists():
        # The new file's own name tells its format; all else is as the pipeline says.
        source = load(workspace).main.source
        read = source.read.model_copy(update={"member": None, "format": None})
        images = source.images
    content, inner = unpacked(taken(data).content, data.name, None)
    reading = metadata.get("reading") or {}
    if format_of(inner, content) == "csv":
        reading = reading or USUAL
        text = decoded(content, inner, reading.get("encoding", "utf-8"))
        return _texts(text, data, reading, needed), reading
    frame, _ = read_bytes(content, inner, read)
    if images is not None and (images.array or images.column) in frame.attrs.get("shapes", {}):
        frame, pixels = from_arrays(frame, images)
        frame[images.column] = list(pixels)
    renamed = {old: new for old, new in read.rename.items() if old in frame.columns}
    rows = standardised(frame, renamed, read.text_columns, data.name)
    return {str(name): rows[name].to_numpy(dtype=object) for name in rows.columns}, reading


def _texts(
    text: str, data: Path, reading: Mapping[str, Any], needed: Sequence[str]
) -> dict[str, Any]:
    """The cells of a delimited file, laid out as the training's or plainly."""
    from throughline.serving.errors import BadRequest
    from throughline.serving.rows.delimited import laid_out
    from throughline.serving.rows.reading import cells_of

    try:
        columns = cells_of(laid_out(text, reading, needed), data.name, reading)
    except BadRequest as error:
        raise BadData(str(error)) from None
    if not columns or not len(next(iter(columns.values()))):
        raise BadData(f"'{data}' must hold at least one row", "none")
    return columns


def _joined(
    columns: Mapping[str, Any], windowing: Windowing, converted: Converted
) -> list[np.ndarray[Any, Any]]:
    """New values of each column, one a step of the grid, as training described its own.

    Raises:
        BadData: rows that the model would refuse.
    """
    from throughline.serving.errors import BadRequest

    try:
        steps = windowing.steps(columns, converted)
    except BadRequest as error:
        raise BadData(str(error)) from None
    found = [steps[name].astype(object) for name in windowing.columns]
    for values in found:
        values[values == ""] = None
    return found


def _values(
    entry: Mapping[str, Any], columns: Mapping[str, Any], reading: Mapping[str, Any]
) -> np.ndarray[Any, Any]:
    """New values of a column as the model would take them, None where missing.

    Raises:
        BadData: one that the model would refuse.
    """
    import numpy as np

    from throughline.serving.errors import BadRequest
    from throughline.serving.rows.values import converted, settled

    values = columns[entry["name"]]
    if entry["type"] not in ("number", "string", "boolean"):
        return np.asarray(values, dtype=object)
    # A column without missing values in training may have some now, which is what drift is.
    kind = "number" if entry["type"] == "boolean" else entry["type"]
    cells = settled(reading, entry["name"])
    cells = replace(cells, words=cells.words or entry["type"] == "boolean")
    try:
        found = converted(entry["name"], {"type": kind}, values, cells)
    except BadRequest as error:
        raise BadData(str(error)) from None
    absent = found == "" if kind == "string" else found != found
    column: np.ndarray[Any, Any] = found.astype(bool) if entry["type"] == "boolean" else found
    column = column.astype(object)
    column[absent] = None
    return column


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
                **({"note": drift.note} if drift.note else {}),
            }
            for drift in found
        },
    }


def _as_html(
    name: str,
    found: Sequence[Drift],
    rows: int,
    limits: Limits,
    drawings: Mapping[str, Any],
    folder: Path,
) -> str:
    """The page: what drifted first, each column with its distributions.

    Args:
        name: of the pipeline.
        found: an entry a column.
        rows: how many new ones there are.
        limits: from where on it counts.
        drawings: of the columns.
        folder: of the pipeline's reports, for links to the pages that are there.
    """
    beside = [word for word in existing(folder) if word != "drift"]
    return page(
        "drift/drift.html",
        "drift",
        name,
        beside or ["drift"],
        title=f"{name}: drift",
        rows=rows,
        found=found,
        drifted=[drift for drift in found if drift.beyond],
        stayed=[drift for drift in found if not drift.beyond],
        limits=limits,
        little=LITTLE,
        measures=MEASURES,
        headings=[f"{measure} (from {getattr(limits, measure):g})" for measure in MEASURES],
        drawings=drawings,
    )
