"""What Prefect shows of a stage."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from throughline.errors import BadData
from throughline.paths import Workspace
from throughline.pipeline.schema.expectations import Expectations
from throughline.running.flow import execute
from throughline.running.prefect.artifacts import publish_status, publish_validation
from throughline.sources.table import write_rows
from throughline.stages.given import StageInput
from throughline.stages.validate import validate

pytestmark = pytest.mark.usefixtures("prefect_server")

RULES = [
    {"expect_column_values_to_be_between": {"column": "age", "min_value": 0, "max_value": 120}},
    {"expect_table_row_count_to_equal": {"value": 3}},
]


def newest(key: str) -> Any:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    chosen = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        return max(client.read_artifacts(artifact_filter=chosen), key=lambda found: found.created)


@pytest.mark.parametrize("on_failure", ["quarantine", "stop"])
def test_the_verdicts_of_validation(tmp_path: Path, on_failure: str) -> None:
    workspace = Workspace(tmp_path, f"people-{on_failure}")
    workspace.raw.mkdir(parents=True)
    write_rows(pd.DataFrame({"age": [31, -4, 52]}), workspace.raw / "rows.parquet")
    view = SimpleNamespace(expectations=Expectations(on_failure=on_failure, limit=0.5, rules=RULES))
    try:
        validate(StageInput("t", {"main": view}, {"main": "main"}, {}, {}), workspace)
    except BadData:
        assert on_failure == "stop"
    publish_validation(tmp_path, workspace.name)
    artifact = newest(f"{workspace.name}-validation")
    first, second = json.loads(artifact.data)
    assert first["verdict"] == "fails"
    assert first["rows that break it"] == 1
    assert first["found"] == "row 1: -4"
    assert second["verdict"] == "holds"
    consequence = "1 rows set aside" if on_failure == "quarantine" else "the rows were refused"
    assert consequence in artifact.description


def test_how_all_pipelines_stand_after_a_flow(repository: Path) -> None:
    execute(repository, ["one"], 1)
    rows = {row["pipeline"]: row for row in json.loads(newest("status").data)}
    assert rows.keys() == {"one", "two"}
    assert rows["one"]["state"] == "not run" and rows["one"]["stages"] == ""


def test_stages_and_long_gates_in_the_status() -> None:
    entry = {"pipeline": "tea", "gates": "x" * 1000, "stages": {"production": "v2", "beta": "v3"}}
    publish_status(lambda: [entry])
    (row,) = json.loads(newest("status").data)
    assert row["stages"] == "production v2, beta v3"
    assert len(row["gates"]) == 120


def test_a_report_that_cannot_be_read_fails_no_flow(capsys: pytest.CaptureFixture[str]) -> None:
    publish_status(lambda: [{"pipeline": "tea"}])
    assert "no status of the pipelines: KeyError" in capsys.readouterr().out
