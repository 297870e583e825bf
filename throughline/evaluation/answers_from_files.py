"""Test rows answered from the files that they came from, as a user of the model sends them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from throughline.evaluation.raw_rows import Rows


def answered_from_files(model: Path, rows: Rows, stored: Path) -> int | None:
    """How many rows are answered from their original files: serving takes these as they are stored.

    What is equal value by value gets equal answers, so that the report's hold for the files.

    Args:
        model: its ONNX file.
        rows: that are evaluated.
        stored: their Parquet file.

    Returns:
        None where the rows came from no files of pictures or sounds.

    Raises:
        RefusedByGate: a file is served otherwise than it is stored; names it.
    """
    from throughline.preprocessing.originals import read_originals, served_as_stored
    from throughline.serving.predictor import Predictor

    originals = read_originals(stored)
    if originals is None:
        return None
    pictures = {name: values for name, values in rows.columns.items() if np.ndim(values) == 4}
    inputs: Mapping[str, Mapping[str, Any]] = Predictor(model).inputs
    names = [name for name in pictures if name in inputs]
    if not names:
        return None
    ((name, values),) = ((name, pictures[name]) for name in names)
    return served_as_stored(originals, [values[each["number"]] for each in originals], inputs[name])
