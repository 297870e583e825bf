"""Running `ingest` on a source, without a pipeline file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.sources.loopback import Server
from throughline.paths import Workspace, read_json
from throughline.pipeline.schema.source import Source
from throughline.stages.given import StageInput
from throughline.stages.ingest import ingest

Ingested = tuple[pd.DataFrame, dict[str, Any], Workspace]
Ingest = Callable[..., Ingested]


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """A function from section `source` to rows, provenance and workspace."""
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    # Lists name the server of these tests, which is not public.
    (tmp_path / "params.yaml").write_text("hosts: [127.0.0.1]\n")

    def run(**source: Any) -> Ingested:
        workspace = Workspace(tmp_path, "trial")
        view = SimpleNamespace(source=Source(**source))
        ingest(StageInput("trial", {"main": view}, {"main": "main"}, {}, {}), workspace)
        rows = pd.read_parquet(workspace.raw / "rows.parquet")
        return rows, read_json(workspace.raw / "provenance.json"), workspace

    return run


@pytest.fixture
def server() -> Iterator[Server]:
    held = Server()
    thread = threading.Thread(target=held.serve_forever, daemon=True)
    thread.start()
    yield held
    held.released.set()
    held.shutdown()
    held.server_close()
