"""What `throughline nearest` needs: the graph to features, and those of training pictures."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np


def write_nearest(prepared: Path, summary: dict[str, Any], folder: Path) -> None:
    """Write features.onnx, features.npy and rows.csv.

    Args:
        prepared: folder of the prepared training rows; their pictures went through a frozen
            network.
        summary: its prepared.json.
        folder: is made.
    """
    import onnx

    from throughline.export.graph.canonical import canonical_bytes
    from throughline.export.graph.reach import lower
    from throughline.preprocessing.pictures import read_rows

    folder.mkdir(parents=True)
    graph = onnx.load(prepared / "preprocess.onnx")
    entry = graph.metadata_props.add()
    entry.key, entry.value = "throughline", json.dumps({"inputs": summary["inputs"]})
    (folder / "features.onnx").write_bytes(canonical_bytes(lower(graph)))
    (name,) = summary["features"]
    np.save(folder / "features.npy", np.load(prepared / f"{name}.npy", mmap_mode="r"))
    rows = read_rows(prepared / "rows.parquet")
    named = [c for c in ("file", *summary["target"]["columns"]) if c in rows.columns]
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(named)
        writer.writerows(rows[named].itertuples(index=False))
