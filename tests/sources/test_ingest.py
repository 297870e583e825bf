"""`ingest` writes the same bytes for the same rows, or nothing."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.conftest import Ingest
from throughline.errors import BadData, BadPipeline, MissingFile

CSV = "town,size\nBonn,331885\nKöln,1084831\n"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class TestOutputs:
    def test_rows_and_provenance(self, bring: Ingest, tmp_path: Path) -> None:
        (tmp_path / "towns.csv").write_text(CSV)
        rows, provenance, _ = bring(file="towns.csv", licence="CC0-1.0")
        assert rows["town"].tolist() == ["Bonn", "Köln"]
        assert provenance["rows"] == 2
        assert provenance["licence"] == "CC0-1.0"
        assert provenance["sha256"] == digest(tmp_path / "towns.csv")
        assert provenance["columns"] == [
            {"name": "town", "type": "string", "missing": 0},
            {"name": "size", "type": "integer", "missing": 0},
        ]

    def test_same_rows_same_bytes(self, bring: Ingest, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text(CSV)
        (tmp_path / "b.csv").write_text(CSV.replace(",", ";"))
        first = digest(bring(file="a.csv")[2].raw / "rows.parquet")
        assert digest(bring(file="b.csv")[2].raw / "rows.parquet") == first

    def test_a_failure_leaves_the_old_rows(self, bring: Ingest, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text(CSV)
        raw = bring(file="a.csv")[2].raw
        before = {path.name: digest(path) for path in raw.iterdir()}
        (tmp_path / "a.csv").write_text("town,size\nBonn\n")
        with pytest.raises(BadData):
            bring(file="a.csv")
        assert {path.name: digest(path) for path in raw.iterdir()} == before
        assert [path.name for path in raw.parent.iterdir()] == ["trial"]

    def test_kill_in_the_middle_of_the_write(self, tmp_path: Path) -> None:
        program = """
import os, signal, sys
from pathlib import Path
from throughline.paths import replaced
with replaced(Path(sys.argv[1]) / "raw") as draft:
    draft.mkdir()
    (draft / "rows.parquet").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert not (tmp_path / "raw").exists()

    def test_a_rerun_after_a_kill_succeeds(self, bring: Ingest, tmp_path: Path) -> None:
        draft = tmp_path / "data" / "raw" / ".trial.draft"
        draft.mkdir(parents=True)
        (draft / "rows.parquet").write_bytes(b"half")
        _, _, workspace = bring(rows={"a": [1, 2]})
        assert sorted(path.name for path in workspace.raw.iterdir()) == [
            "provenance.json", "rows.parquet",
        ]  # fmt: skip
        assert not draft.exists()


class TestFiles:
    def test_a_wrong_checksum(self, bring: Ingest, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text(CSV)
        with pytest.raises(BadData, match=f"must have sha256 {'0' * 64}.*change its 'sha256'"):
            bring(file="a.csv", sha256="0" * 64)

    def test_a_missing_file_has_a_nearest(self, bring: Ingest, tmp_path: Path) -> None:
        (tmp_path / "towns.csv").write_text(CSV)
        with pytest.raises(MissingFile, match=r"Did you mean 'towns.csv'"):
            bring(file="town.csv")

    def test_the_mirror_is_searched_by_checksum(
        self, bring: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mirror = tmp_path / "mirror" / "deep"
        mirror.mkdir(parents=True)
        (mirror / "other-name.csv").write_text(CSV)
        (mirror / "towns.csv").write_text("not,this\n1,2\n")
        sha256 = digest(mirror / "other-name.csv")
        monkeypatch.setenv("THROUGHLINE_MIRROR", str(tmp_path / "mirror"))
        rows, provenance, _ = bring(url="https://example.invalid/towns.csv", sha256=sha256)
        assert rows["town"].tolist() == ["Bonn", "Köln"]
        assert "mirror" not in str(provenance)

    def test_a_changed_mirror_file_is_read_anew(
        self, bring: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mirror = tmp_path / "mirror"
        mirror.mkdir()
        (mirror / "towns.csv").write_text(CSV)
        sha256 = digest(mirror / "towns.csv")
        monkeypatch.setenv("THROUGHLINE_MIRROR", str(mirror))
        bring(file="gone.csv", sha256=sha256)
        (mirror / "towns.csv").write_text(CSV + "Trier,110000\n")
        with pytest.raises(MissingFile, match="THROUGHLINE_MIRROR"):
            bring(file="gone.csv", sha256=sha256)

    def test_other_bytes_of_equal_size_and_date_are_not_taken(
        self, bring: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = tmp_path / "mirror" / "towns.csv"
        copy.parent.mkdir()
        copy.write_text(CSV)
        sha256 = digest(copy)
        monkeypatch.setenv("THROUGHLINE_MIRROR", str(copy.parent))
        bring(file="gone.csv", sha256=sha256)
        date = copy.stat().st_mtime_ns
        copy.write_text(CSV.replace("Bonn", "Evil"))
        os.utime(copy, ns=(date, date))
        with pytest.raises(MissingFile, match="THROUGHLINE_MIRROR"):
            bring(file="gone.csv", sha256=sha256)
        copy.write_text(CSV)
        os.utime(copy, ns=(date, date))
        assert bring(file="gone.csv", sha256=sha256)[0]["town"].tolist() == ["Bonn", "Köln"]

    def test_the_name_of_a_mirror_file_says_nothing_of_its_bytes(
        self, bring: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name once wrote a line of its own into the memo of checksums."""
        mirror = tmp_path / "mirror"
        mirror.mkdir()
        (tmp_path / "right.csv").write_text(CSV)
        sha256 = digest(tmp_path / "right.csv")
        victim = mirror / "towns.csv"
        victim.write_text("town,people\nEvil,1\n")
        stamp = f"{victim.stat().st_size}\t{victim.stat().st_mtime_ns}"
        evil = Path(f"{mirror}/x\n{victim}\t{stamp}\t{sha256}\nrest")
        evil.parent.mkdir(parents=True)
        evil.write_text("a,b\n1,2\n")
        monkeypatch.setenv("THROUGHLINE_MIRROR", str(mirror))
        for _ in range(2):
            with pytest.raises(MissingFile, match="THROUGHLINE_MIRROR"):
                bring(file="gone.csv", sha256=sha256)

    def test_a_folder_given_as_file(self, bring: Ingest, tmp_path: Path) -> None:
        with pytest.raises(BadData, match=r"source.folder"):
            bring(file=".")


class TestRowsAndGenerators:
    def test_rows_of_unequal_length(self, bring: Ingest) -> None:
        with pytest.raises(BadData, match="same number of values"):
            bring(rows={"a": [1, 2], "b": [1]})

    def test_mixed_types_are_named(self, bring: Ingest) -> None:
        with pytest.raises(BadData, match="number in row 1, text in row 3: 'x'"):
            bring(rows={"a": [1, 2, "x"]})
        assert bring(rows={"a": [1, 2, "x"]}, read={"text_columns": ["a"]})[0]["a"].tolist() == [
            "1", "2", "x",
        ]  # fmt: skip

    def test_rename(self, bring: Ingest) -> None:
        rows, _, _ = bring(rows={"a": [1], "b": [2]}, read={"rename": {"a": "size"}})
        assert list(rows.columns) == ["size", "b"]
        with pytest.raises(BadData, match="Did you mean 'b'"):
            bring(rows={"a": [1], "b": [2]}, read={"rename": {"bb": "c"}})

    def test_sklearn_set_and_generator(self, bring: Ingest) -> None:
        rows, _, _ = bring(sklearn="iris")
        assert list(rows.columns) == [
            "sepal_length", "sepal_width", "petal_length", "petal_width", "species",
        ]  # fmt: skip
        assert rows["species"].value_counts().to_dict() == dict.fromkeys(
            ("setosa", "versicolor", "virginica"), 50
        )
        moons, _, _ = bring(sklearn="make_moons", arguments={"n_samples": 10})
        assert list(moons.columns) == ["x1", "x2", "label"]

    def test_unknown_names_and_arguments(self, bring: Ingest) -> None:
        with pytest.raises(BadData, match="Did you mean 'iris'"):
            bring(sklearn="irisses")
        with pytest.raises(BadData, match="Did you mean 'n_samples'"):
            bring(sklearn="make_moons", arguments={"samples": 10})

    def test_own_generator(
        self, bring: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "curves.py").write_text(
            "def rows(n):\n    return {'x': list(range(n)), 'y': [i % 2 for i in range(n)]}\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        rows, provenance, _ = bring(generator="curves:rows", arguments={"n": 4})
        assert rows["y"].tolist() == [0, 1, 0, 1]
        assert provenance["code_sha256"] == digest(tmp_path / "curves.py")
        with pytest.raises(BadPipeline, match="Did you mean 'rows'"):
            bring(generator="curves:row")


class TestFolders:
    PNG = b"\x89PNG\r\n\x1a\n"

    def test_classes_and_parts(self, bring: Ingest, tmp_path: Path) -> None:
        for name in ("train/cats/1.png", "train/dogs/2.png", "test/cats/3.png"):
            path = tmp_path / "pets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.PNG + name.encode())
        (tmp_path / "pets" / ".DS_Store").write_bytes(b"x")
        rows, provenance, _ = bring(folder="pets")
        assert rows[["part", "class"]].to_numpy().tolist() == [
            ["test", "cats"], ["train", "cats"], ["train", "dogs"],
        ]  # fmt: skip
        assert rows["image"][0] == self.PNG + b"test/cats/3.png"
        assert provenance["files"] == 3

    def test_texts(self, bring: Ingest, tmp_path: Path) -> None:
        for kind, text in (("pos", "gut"), ("neg", "schlecht")):
            (tmp_path / "reviews" / kind).mkdir(parents=True)
            (tmp_path / "reviews" / kind / "0.txt").write_text(text)
        rows, _, _ = bring(folder="reviews")
        assert rows["text"].tolist() == ["schlecht", "gut"]

    def test_no_image(self, bring: Ingest, tmp_path: Path) -> None:
        (tmp_path / "pets").mkdir()
        (tmp_path / "pets" / "1.jpg").write_text("<html>not found</html>")
        with pytest.raises(BadData, match=r"'1.jpg' must be an image"):
            bring(folder="pets")

    def test_mixed_kinds(self, bring: Ingest, tmp_path: Path) -> None:
        (tmp_path / "pets").mkdir()
        (tmp_path / "pets" / "1.png").write_bytes(self.PNG)
        (tmp_path / "pets" / "2.txt").write_text("x")
        with pytest.raises(BadData, match="images, or texts, or tables"):
            bring(folder="pets")


class TestDiskFull:
    def test_leaves_no_rows(self, tmp_path: Path) -> None:
        """A file that may not grow stands for a disk that is full."""
        program = """
import resource, signal, sys
from pathlib import Path
from types import SimpleNamespace
from throughline.stages.given import StageInput
from throughline.pipeline.schema.source import Source
from throughline.stages.ingest import ingest
from throughline.paths import Workspace
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
view = SimpleNamespace(source=Source(rows={"a": [i * 0.37 for i in range(5000)]}))
ingest(StageInput("t", {"main": view}, {"main": "main"}, {}, {}), Workspace(Path(sys.argv[1]), "t"))
"""
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            capture_output=True, text=True, check=False, env={**os.environ},
        )  # fmt: skip
        assert done.returncode != 0
        assert "File too large" in done.stderr
        assert not (tmp_path / "data" / "raw" / "t").exists()
