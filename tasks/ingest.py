"""Stage `ingest`: from a source to raw rows with their provenance.

Writes data/raw/NAME/rows.parquet, whose bytes depend on the rows alone, and provenance.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.sources.mirror import mirror_folder
from tasks.sources.registry import Surroundings, fetch
from tasks.sources.table import described, standardised, write_rows
from tasks.workspace import Workspace, replaced, write_json

if TYPE_CHECKING:
    from tasks.config.loading import StageInput


def ingest(stage_input: StageInput, workspace: Workspace) -> None:
    """Bring the rows of section `source` and write them with their provenance.

    Args:
        stage_input: the section `source`.
        workspace: where `data/raw/NAME/` is; nothing in it changes unless all went well.

    Raises:
        MissingFile: the source is not there.
        BadData: it cannot be read as a table; names file, row or column, and the remedy.
    """
    settings = stage_input.main.source
    surroundings = Surroundings(
        workspace.root, workspace.root / ".cache" / "downloads", mirror_folder()
    )
    fetched = fetch(settings, surroundings)
    where = str(fetched.origin.get("file") or fetched.origin["source"])
    read = settings.read
    frame = standardised(fetched.frame, read.rename, read.text_columns, where)
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
        write_rows(frame, draft / "rows.parquet")
        write_json(draft / "provenance.json", provenance)
