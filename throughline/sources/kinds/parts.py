"""Several files of the same columns, each with the part that its rows belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, listed
from throughline.sources.cells import settled, together
from throughline.sources.fetching.located import address_of, located, name_of
from throughline.sources.formats.reading import read_cells
from throughline.sources.gate import taken
from throughline.sources.registry import Fetched, Surroundings, source

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Source

PART = "part"


@source("parts")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """The rows of all files in the order of `parts`; the column `part` says whose each is.

    Raises:
        BadData: files with different columns, or with a column `part` of their own.
    """
    frames: list[pd.DataFrame] = []
    columns: list[str] = []
    facts: dict[str, Any] = {}
    for part, wanted in (settings.parts or {}).items():
        path = located(wanted, surroundings)
        content, sha256 = taken(path, wanted.sha256)
        frame, how = read_cells(content, name_of(wanted), settings.read)
        if columns and list(frame.columns) != columns:
            raise BadData(
                f"Part '{part}' must have the columns {listed(columns)}", listed(frame.columns)
            )
        columns = list(frame.columns)
        if PART in frame.columns:
            raise BadData(
                f"The files of 'source.parts' must have no column '{PART}'",
                remedy="Rename it in 'source.read.rename'",
            )
        frame[PART] = part
        frames.append(frame)
        facts[part] = {
            "source": address_of(wanted),
            "sha256": sha256,
            "bytes": len(content),
            "rows": len(frame),
            "read": how,
        }
    names = [str(entry["source"]) for entry in facts.values()]
    rows = settled(together(frames), settings.read, " and ".join(names))
    return Fetched(rows, {"source": " and ".join(names), "parts": facts})
