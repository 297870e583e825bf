"""`throughline decode`: prints training texts as the network sees them."""

from __future__ import annotations

import numpy as np

from throughline.errors import BadData
from throughline.paths import Workspace, needed, read_json


def decode(workspace: Workspace, rows: int) -> list[str]:
    """The first training texts, from the stored token numbers back to words.

    Args:
        workspace: of a pipeline whose text becomes token numbers.
        rows: how many texts.

    Raises:
        BadData: the pipeline has no token numbers.
    """
    import onnx

    from throughline.preprocessing.columns.decoding import decoded
    from throughline.samples.rows.row_arrays import read_array

    folder = needed(workspace.training_data, "prepare") / "main"
    types = read_json(folder / "prepared.json")["types"]
    inputs = [name for name, kind in types.items() if kind == "int32"]
    if len(inputs) != 1:
        raise BadData("One network input must hold token numbers", inputs or "none")
    numbers = read_array(folder, inputs[0])[:rows]
    return decoded(onnx.load(folder / "preprocess.onnx"), np.asarray(numbers))
