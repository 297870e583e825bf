"""A changed file of this machine reruns its pipeline; what cannot be a dependency says so."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repositories import write_pipeline
from throughline.paths import Workspace
from throughline.pipeline.local_files import local_files
from throughline.pipeline.schema.source import Source
from throughline.running.why import why
from throughline.stages.wire import stages, text, wired

SHA256 = "0" * 64
SERVER = "pipelines/server/dvc.yaml:ingest"
NONE: frozenset[str] = frozenset()


def pipeline(source: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": "t", "task": "regression", "source": source, "target": "b", "columns": {"a": None},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"file": "data/rows.csv"}, ["data/rows.csv"]),
        ({"folder": "/elsewhere/photos"}, ["/elsewhere/photos"]),
        ({"urls": "list.csv"}, ["list.csv"]),
        ({"urls": ["https://example.org/1.jpg"]}, []),
        ({"sql": "sqlite:///shop.db", "query": "select 1"}, ["shop.db"]),
        ({"sql": "sqlite+pysqlite:////abs/shop.db?mode=ro", "query": ""}, ["/abs/shop.db"]),
        ({"sql": "sqlite:///$SHOP", "query": ""}, []),
        ({"sql": "sqlite://", "query": ""}, []),
        ({"sql": "postgresql://host/shop", "query": ""}, []),
        ({"file": "${name}.csv"}, ["\\${name}.csv"]),
        ({"file": "a:b.csv"}, ["./a:b.csv"]),
        ({"file": "~/rows.csv"}, [str(Path("~/rows.csv").expanduser())]),
        ({"file": ["wrong"], "parts": "wrong", "files": {"x": 1}}, []),
    ],
)
def test_every_local_source_is_named(
    source: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    assert local_files(source, tmp_path, NONE) == expected


def test_a_pinned_file_is_named_where_it_lies_and_need_not_lie_there(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a\n1\n")
    source = {
        "parts": {
            "train": {"file": "one.csv", "sha256": SHA256},
            "test": {"file": "two.csv", "sha256": SHA256},
        },
        "files": {"words": {"file": "glove.npz", "sha256": SHA256}},
    }
    assert local_files(source, tmp_path, NONE) == ["one.csv"]
    assert local_files(source, tmp_path, frozenset({"glove.npz"})) == ["one.csv", "glove.npz"]


def test_a_pinned_file_that_went_leaves_the_wiring_valid(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    workspace = Workspace(tmp_path, "p")
    workspace.pipeline_file.parent.mkdir(parents=True)
    source = {"file": "rows.csv", "sha256": SHA256}
    workspace.pipeline_file.write_text(yaml.safe_dump(pipeline(source)))
    workspace.stages_file.write_text(text(workspace))
    (tmp_path / "rows.csv").unlink()
    wired(workspace)


def test_a_server_is_asked_again_where_the_file_says_so() -> None:
    source = {"sql": "postgresql://host/shop", "query": "select 1", "ingest": "always"}
    ingest = stages(pipeline(source), "p")["stages"]["ingest"]
    assert ingest["always_changed"] is True
    assert "deps" not in ingest
    assert "always_changed" not in stages(pipeline({"file": "a.csv"}), "p")["stages"]["ingest"]
    with pytest.raises(ValueError, match="has no effect beside 'file'"):
        Source(file="rows.csv", ingest="always")


@pytest.mark.slow
class TestDvc:
    """A repository of DVC's own, with files whose names DVC could misread."""

    FILES = ("rows.csv", "in folder/ünï ${name} #1.csv", "a:b.csv")

    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        from dvc.repo import Repo

        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        monkeypatch.setenv("PATH", path)
        monkeypatch.setenv("DVC_NO_ANALYTICS", "true")
        root = tmp_path / "project"
        root.mkdir()
        monkeypatch.chdir(root)
        Repo.init(str(root), no_scm=True).close()
        return root

    def test_a_file_that_grows_is_noticed(self, root: Path, tmp_path: Path) -> None:
        from dvc.repo import Repo

        outside = tmp_path / "outside.db"
        with sqlite3.connect(outside) as connection:
            connection.execute("create table rows (a, b)")
            connection.execute("insert into rows values (1, 2)")
        sources: dict[str, dict[str, Any]] = {
            f"p{number}": {"file": name} for number, name in enumerate(self.FILES)
        }
        sources["db"] = {"sql": f"sqlite:///{outside}", "query": "select * from rows"}
        server = {"sql": "postgresql://host/shop", "query": "select 1", "ingest": "always"}
        write_pipeline(root, "server", pipeline(server))
        for name, source in sources.items():
            if "file" in source:
                path = root / source["file"]
                path.parent.mkdir(exist_ok=True)
                path.write_text("a,b\n1,2\n")
            write_pipeline(root, name, pipeline(source))
        targets = [f"pipelines/{name}/dvc.yaml:ingest" for name in sources]
        with Repo(str(root)) as repo:
            # What `ingest` writes does not matter here, only what DVC makes of its inputs.
            for target in [*targets, SERVER]:
                stage = repo.stage.load_one(*target.split(":"))
                for output in stage.outs:
                    Path(output.fs_path).mkdir(parents=True)
                    (Path(output.fs_path) / "rows").write_text(target)
            for target in [*targets, SERVER]:
                repo.commit(target, force=True)
            assert repo.status(targets) == {}
        for path in map(root.joinpath, self.FILES):
            path.write_text("a,b\n1,2\n3,4\n")
        with sqlite3.connect(outside) as connection:
            connection.execute("insert into rows values (3, 4)")
        with Repo(str(root)) as repo:
            assert sorted(repo.status(targets)) == sorted(targets)
        assert f"{outside} changed" in why(root, "ingest", "db")
        # A server is asked again each time, which makes no release stale.
        assert "asks its source again" in why(root, "ingest", "server")
        assert why(root, "ingest", "server", asked_again=False) == "Nothing would rerun."
