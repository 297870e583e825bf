"""Rows that a page begins with: some that no training has seen, as far as they are here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from throughline.paths import Workspace

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ROWS = 5
# A picture of more pixels, or a sound of more bytes (16 s at 16 kHz), would make a large page for
# little.
MOST_PIXELS = 256 * 256
MOST_SOUND = 512_000


def examples(workspace: Workspace, description: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Test rows of the pipeline; of series one piece of CSV, the newest window of some of them.

    Args:
        workspace: of the pipeline.
        told: see `page.page`.

    Returns:
        for each example `values`, by input, what was `actual`, and whether a training has `seen`
        it; or `csv` of a series. None where the rows are not on this machine.
    """
    rows, seen = _rows(workspace)
    if rows is None:
        return []
    inputs = description["inputs"]
    if description.get("window"):
        return _newest_windows(rows, description)
    if not {entry["name"] for entry in inputs} <= set(rows.columns):
        return []
    few = rows.head(ROWS)
    target = [name for name in description["target"]["columns"] if name in rows.columns]
    return [
        {
            "values": {entry["name"]: _plain(row[entry["name"]], entry) for entry in inputs},
            "actual": _actual(row, target, description.get("task")),
            "seen": seen,
        }
        for _, row in few.iterrows()
        if all(_fits(row[entry["name"]], entry) for entry in inputs)
    ]


def _rows(workspace: Workspace) -> tuple[pd.DataFrame | None, bool]:
    """Test rows, or those of the training where none were set aside; and which they are."""
    from throughline.preprocessing.pictures import read_rows

    for folder, seen in ((workspace.test_data, False), (workspace.training_data, True)):
        path = folder / "main" / "rows.parquet"
        if path.exists() and len(rows := read_rows(path)):
            return rows, seen
    return None, False


def _actual(row: pd.Series, target: Sequence[str], task: str | None) -> str:
    """What a row's target held; of labels, those that hold."""
    if task == "multilabel":
        return ", ".join(name for name in target if row[name]) or "none of them"
    return ", ".join(str(row[name]) for name in target)


def _newest_windows(rows: pd.DataFrame, description: Mapping[str, Any]) -> list[dict[str, Any]]:
    import pandas as pd

    window, reading = description["window"], description.get("reading") or {}
    length = window["extent"]["length"] * int(window.get("rows_a_step", 1))
    groups = [name for name in window.get("group", []) if name in rows.columns]
    index = window["index"]
    wanted = [*groups, *index["columns"], index.get("hour"), *_measured(description["inputs"])]
    kept = [name for name in dict.fromkeys(wanted) if name in rows.columns]
    newest = rows[kept].tail(length)
    if groups:
        parts = [part.tail(length) for _, part in rows[kept].groupby(groups, sort=False)]
        whole = [part for part in parts if len(part) == length]
        newest = pd.concat(whole[:ROWS] or parts[-1:])
    decimal = "," if reading.get("decimal") == "," else "."
    text = newest.to_csv(index=False, decimal=decimal, sep=";" if decimal == "," else ",")
    return [{"csv": text}]


def _measured(inputs: Sequence[Mapping[str, Any]]) -> list[str]:
    return [entry["name"] for entry in inputs if entry["type"] != "time"]


def _fits(value: Any, entry: Mapping[str, Any]) -> bool:
    if entry["type"] != "image":
        return True
    if entry.get("rate"):
        return bool(value.nbytes <= MOST_SOUND)
    return bool(value.shape[0] * value.shape[1] <= MOST_PIXELS and value.shape[2] in (1, 3))


def _plain(value: Any, entry: Mapping[str, Any]) -> Any:
    """A value as JSON has it; a picture as the address of its pixels."""
    if entry["type"] == "image":
        return _sound(value, entry["rate"]) if entry.get("rate") else _picture(value)
    if value is None or value != value:
        return None
    if entry["type"] == "boolean":
        return bool(value)
    return float(value) if entry["type"] == "number" else str(value)


def _sound(stored: np.ndarray, rate: int) -> str:
    """A stored waveform, uint8 (samples, 2, 1), as the address of a wav file."""
    import base64
    import io
    import wave

    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(stored.tobytes())
    return f"data:audio/wav;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _picture(pixels: np.ndarray) -> str:
    import numpy as np

    from throughline.report.picture import data_address

    return data_address(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
