"""Rows written in the pipeline file itself."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from throughline.errors import BadData
from throughline.sources.registry import Fetched, Surroundings, source
from throughline.sources.table import exact

if TYPE_CHECKING:
    from throughline.pipeline.schema.source import Source


@source("rows")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """The columns of `source.rows` as a table.

    Raises:
        BadData: the columns differ in length.
    """
    import pandas as pd

    columns = settings.rows or {}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise BadData(
            "All columns in 'source.rows' must have the same number of values",
            lengths,
            "Fill the short ones with null or cut the long ones",
        )
    text = json.dumps(columns, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    frame = pd.DataFrame({name: exact(values) for name, values in columns.items()})
    return Fetched(frame, {"source": "rows in the pipeline file", "sha256": digest})
