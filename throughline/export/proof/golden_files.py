"""Golden requests from the files of their pictures or sounds, as a user of the model sends them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def served_files(
    prepared: Path, summary: Mapping[str, Any], requests: Mapping[str, np.ndarray]
) -> int | None:
    """How many golden requests are what serving makes of original files, value by value.

    Args:
        prepared: folder of the training rows, with their files beside them.
        summary: its prepared.json.
        requests: the golden requests; those of rows with files come first, in the files' order.

    Returns:
        None where the rows came from no files of pictures or sounds.

    Raises:
        RefusedByGate: a file is served otherwise than it was learned; names it.
    """
    from throughline.preprocessing.originals import read_originals, served_as_stored

    originals = read_originals(prepared / "rows.parquet")
    entry = next((each for each in summary["inputs"] if each["type"] == "image"), None)
    if originals is None or entry is None:
        return None
    return served_as_stored(originals, requests[entry["name"]][: len(originals)], entry)
