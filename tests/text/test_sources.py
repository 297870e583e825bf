"""Several files a source, each with its part; auxiliary files; rows without a label left out."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.repositories import write_pipeline
from throughline.errors import BadData, BadPipeline, MissingFile
from throughline.paths import Workspace, read_json
from throughline.stages.run import run_stage

ROWS = {"train": [("good film", 1), ("bad film", 0)], "test": [("fine", 1), ("no label", None)]}


def put(root: Path, name: str, content: bytes) -> dict[str, str]:
    (root / name).write_bytes(content)
    return {"file": name, "sha256": hashlib.sha256(content).hexdigest()}


def lines(rows: list[tuple]) -> bytes:
    return "".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in rows).encode()


def ingested(root: Path, source: dict) -> Workspace:
    pipeline = {
        "title": "Good?",
        "task": "binary",
        "source": source,
        "target": "label",
        "columns": {"text": {"text": {}}},
    }
    workspace = write_pipeline(root, "films", pipeline)
    run_stage("ingest", "films", root)
    return workspace


@pytest.fixture
def parts(tmp_path: Path) -> dict:
    return {name: put(tmp_path, f"{name}.jsonl", lines(rows)) for name, rows in ROWS.items()}


class TestParts:
    def test_stand_below_each_other_with_their_names(self, tmp_path: Path, parts: dict) -> None:
        workspace = ingested(tmp_path, {"parts": parts})
        rows = pd.read_parquet(workspace.raw / "rows.parquet")
        assert rows["part"].tolist() == ["train", "train", "test", "test"]
        facts = read_json(workspace.raw / "provenance.json")["parts"]
        assert {name: each["rows"] for name, each in facts.items()} == {"train": 2, "test": 2}

    def test_rows_without_the_known_column_are_left_out(self, tmp_path: Path, parts: dict) -> None:
        workspace = ingested(tmp_path, {"parts": parts, "read": {"known": ["label"]}})
        rows = pd.read_parquet(workspace.raw / "rows.parquet")
        assert rows["label"].tolist() == [1, 0, 1]
        assert rows["label"].dtype == "int64"

    def test_with_other_columns(self, tmp_path: Path, parts: dict) -> None:
        parts["test"] = put(tmp_path, "other.jsonl", b'{"words": "x", "label": 1}\n' * 2)
        with pytest.raises(BadData, match="Part 'test' must have the columns text, label"):
            ingested(tmp_path, {"parts": parts})

    def test_with_another_checksum(self, tmp_path: Path, parts: dict) -> None:
        (tmp_path / "train.jsonl").write_bytes(lines(ROWS["test"]))
        with pytest.raises(BadData, match="must have sha256"):
            ingested(tmp_path, {"parts": parts})

    def test_that_are_nowhere(self, tmp_path: Path, parts: dict) -> None:
        parts["test"]["file"] = "nowhere.jsonl"
        parts["test"]["sha256"] = "0" * 64
        with pytest.raises(MissingFile, match=r"nowhere\.jsonl"):
            ingested(tmp_path, {"parts": parts})

    def test_a_known_column_that_is_not_there(self, tmp_path: Path, parts: dict) -> None:
        with pytest.raises(BadData, match="Did you mean 'label'"):
            ingested(tmp_path, {"parts": parts, "read": {"known": ["lable"]}})

    def test_need_one_place_each(self, tmp_path: Path, parts: dict) -> None:
        parts["test"]["url"] = "https://example.org/test.jsonl"
        with pytest.raises(BadPipeline, match="exactly one of url, archive, file"):
            ingested(tmp_path, {"parts": parts})


class TestAuxiliaryFiles:
    def test_lie_beside_the_raw_rows(self, tmp_path: Path, parts: dict) -> None:
        content = gzip.compress(b"good 1 2\n", mtime=0)
        files = {"small": put(tmp_path, "small.txt.gz", content)}
        workspace = ingested(tmp_path, {"parts": parts, "files": files})
        assert (workspace.raw / "files" / "small.txt.gz").read_bytes() == content
        stages = yaml.safe_load(workspace.stages_file.read_text())["stages"]
        assert "data/raw/films" in stages["prepare"]["deps"]
