"""Quarantined rows have a way back: mended by hand, checked, and counted again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from throughline.cli import main
from throughline.paths import Workspace
from throughline.stages.wire import wire

PIPELINE = {
    "title": "How heavy?",
    "task": "regression",
    "source": {"rows": {"height": [1.5, 1.6, 17.0, 1.8] * 10, "weight": list(range(40))}},
    "target": "weight",
    "columns": {"height": {}},
    "expectations": {
        "on_failure": "quarantine",
        "limit": 0.3,
        "rules": [
            {"expect_column_values_to_be_between": {"column": "height", "max_value": 3}},
        ],
    },
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(Path(), "people")
    workspace.pipeline_file.parent.mkdir(parents=True)
    workspace.pipeline_file.write_text(yaml.safe_dump(PIPELINE, sort_keys=False))
    workspace.parameters_file.write_text("seed: 0\n")
    wire(Path(), ["people"])
    for stage in ("ingest", "validate"):
        assert main([stage, "people"]) == 0
    return workspace


class TestTheWayBack:
    def test_of_a_mended_row(self, workspace: Workspace) -> None:
        assert len(pd.read_parquet(workspace.clean / "rows.parquet")) == 30
        assert main(["readmit", "people"]) == 0
        repairs = pd.read_csv(workspace.repairs)
        assert repairs["row"].tolist() == list(range(2, 40, 4))
        repairs["height"] = 1.7
        repairs.to_csv(workspace.repairs, index=False)
        assert main(["readmit", "people"]) == 0
        assert "repairs.csv" in workspace.stages_file.read_text()
        assert main(["validate", "people"]) == 0
        rows = pd.read_parquet(workspace.clean / "rows.parquet")
        assert len(rows) == 40
        assert rows["height"][2] == 1.7

    def test_is_closed_to_a_row_that_still_breaks_a_rule(
        self, workspace: Workspace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        main(["readmit", "people"])
        assert main(["readmit", "people"]) == 2
        assert "row 2 breaks expect_column_values_to_be_between" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("row,height\n2,1.7\n", "must have the columns row, height, weight"),
            ("row,height,weight\n99,1.7,3\n", "must name each row once"),
            ("row,height,weight\n2,tall,3\n", "column 'height' must hold"),
        ],
    )
    def test_refuses_a_broken_file(
        self,
        workspace: Workspace,
        capsys: pytest.CaptureFixture[str],
        content: str,
        words: str,
    ) -> None:
        workspace.repairs.write_text(content)
        assert main(["readmit", "people"]) == 2
        assert words in capsys.readouterr().err
