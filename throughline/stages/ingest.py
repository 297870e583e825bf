"""Stage `ingest`: from a source to raw rows with their provenance.

Writes data/raw/NAME/rows.parquet, whose bytes depend on the rows alone, provenance.json and, where
the rows come from texts, reading.json, which says how their cells were read.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import listed, tell
from throughline.paths import READING_FILE, Workspace, replaced, write_json
from throughline.stages.stage import Entry, Stage

if TYPE_CHECKING:
    import numpy as np

    from throughline.pipeline.schema.source import Source
    from throughline.sources.registry import Fetched, Surroundings
    from throughline.stages.given import StageInput

# Files whose names are printed.
MOST_NAMED = 20

PLACE = {"after": None, "help": "fetch the raw rows"}
STAGE = Stage("ingest", reads=("source",), calls=("source",), outputs=(Entry("raw"),))


def ingest(stage_input: StageInput, workspace: Workspace) -> None:
    """Bring the rows of section `source` and write them with their provenance.

    Args:
        stage_input: the section `source`.
        workspace: where `data/raw/NAME/` is; nothing in it changes unless all went well.

    Raises:
        MissingFile: the source is not there.
        BadData: it cannot be read as a table; names file, row or column, and the remedy.
    """
    from throughline.limits import applied, guarded
    from throughline.sources.registry import Surroundings, fetch

    settings = stage_input.main.source
    surroundings = Surroundings.of(workspace.root)
    fetched = fetch(settings, surroundings)
    where = str(fetched.origin.get("file") or fetched.origin["source"])
    with applied(surroundings.limits), guarded(where, timed=False):
        _written(fetched, settings, surroundings, where, workspace)
    _report_files_set_aside(fetched.origin.get("set_aside", []))
    _report_labels(fetched.origin)
    if fetched.origin.get("unread"):
        from throughline.sources.pictures.images import unread

        tell(f"files are left out: {unread(fetched.origin['unread'])}", sys.stderr)


def _written(
    fetched: Fetched, settings: Source, surroundings: Surroundings, where: str, workspace: Workspace
) -> None:
    """Make the rows of one form, and write them."""
    from throughline.sources.cells import READING, REPEATED, SPACES, typed
    from throughline.sources.fetching.located import auxiliary
    from throughline.sources.samples import sampled
    from throughline.sources.table import (
        described,
        only_known,
        standardised,
        without_infinite,
        write_rows,
    )

    read = settings.read
    frame, pixels = fetched.frame, None
    if settings.images is not None and not fetched.images:
        from throughline.sources.pictures.images import from_arrays, from_encoded

        if "image" in frame.columns:
            fetched = from_encoded(fetched, settings, surroundings.cache)
            frame = fetched.frame
        else:
            frame, pixels = from_arrays(frame, settings.images)
    attrs = dict(fetched.frame.attrs)
    rows = len(frame)
    frame = only_known(frame, read.known, where)
    known = len(frame)
    frame = standardised(frame, read.rename, read.text_columns, where)
    reading = attrs.get(READING)
    if read.infinite == "missing":
        frame = without_infinite(frame)
        reading = reading or {**typed(read).as_json(), "columns": {}}
    if settings.samples is not None:
        frame = sampled(frame, settings.samples)
    provenance: dict[str, Any] = {
        "kind": settings.kind,
        **fetched.origin,
        "licence": settings.licence,
        "citation": settings.citation,
        "rows": len(frame),
        "columns": described(frame),
    }
    with replaced(workspace.raw) as draft:
        draft.mkdir()
        if settings.files:
            provenance["files"] = auxiliary(settings.files, surroundings, draft / "files")
        if reading:
            write_json(draft / READING_FILE, reading)
        write_rows(frame, draft / "rows.parquet")
        write_json(draft / "provenance.json", provenance)
        _write_images(fetched, settings, pixels, draft)
    _report_cells(attrs.get(SPACES, {}), rows - known, where)
    if REPEATED in attrs:
        said = f"{attrs[REPEATED]} lines of {where} that are its header again are left out"
        print(said, file=sys.stderr)


def _write_images(fetched: Fetched, settings: Any, pixels: np.ndarray | None, folder: Path) -> None:
    """The arrays of pictures beside the rows."""
    if pixels is None and not fetched.images:
        return
    import numpy as np

    images = folder / "rows.images"
    images.mkdir()
    if pixels is not None:
        np.save(images / f"{settings.images.column}.npy", pixels)
    for column, path in fetched.images.items():
        # What the cache holds is its owner's alone, data are not.
        path.chmod(0o644)
        path.replace(images / f"{column}.npy")
    if fetched.originals is not None:
        from throughline.preprocessing.originals import write_originals

        write_originals(fetched.originals, folder / "rows.parquet")


def _report_cells(spaces: Mapping[str, int], unknown: int, where: str) -> None:
    """Say what was done to cells and rows on the way."""
    if spaces:
        counts = listed(f"{name} ({count} cells)" for name, count in spaces.items())
        tell(f"spaces around cells of {where} are left out: {counts}", sys.stderr)
    if unknown:
        tell(f"{unknown} rows are left out by 'source.read.known'", sys.stderr)


def _report_labels(origin: Mapping[str, Any]) -> None:
    """Say how many files and rows of a table of labels found none of the other."""
    if origin.get("without_label"):
        tell(
            f"{origin['without_label']} files are left out: '{origin['labels']}' names none of "
            "them",
            sys.stderr,
        )
    if origin.get("without_file"):
        tell(f"{origin['without_file']} rows of '{origin['labels']}' have no file", sys.stderr)


def _report_files_set_aside(files: list[dict[str, str]]) -> None:
    """Say which files did not become rows; provenance.json names them all."""
    for each in files[:MOST_NAMED]:
        tell(f"set aside: {each['file']}: {each['problem']}, {each['detail']}", sys.stderr)
    if len(files) > MOST_NAMED:
        tell(f"... and {len(files) - MOST_NAMED} more, see provenance.json", sys.stderr)
