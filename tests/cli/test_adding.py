"""What `throughline add` calls the pipeline that it writes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.cli import main
from throughline.cli.adding import name_after
from throughline.names import BadName, named


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("gekündigt", "gekundigt"),
        ("Straße (Nr.)", "strasse-nr"),
        ("Цена", "tsena"),
        ("Ελλάδα", "ellada"),
        ("churned_2024", "churned-2024"),
        ("🙂", "first"),
    ],
)
def test_a_pipeline_is_named_after_a_column_in_the_letters_a_to_z(text: str, name: str) -> None:
    assert name_after(text) == name


@given(st.text())
def test_what_a_column_is_called_is_a_name_or_one_that_no_disk_takes(text: str) -> None:
    name = name_after(text)
    try:
        assert named(name) == name
    except BadName as error:
        assert "device" in str(error)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, beside the data of somebody."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "params.yaml").write_text("seed: 0\n")
    (tmp_path / "customers.csv").write_text("age,churned\n" + "30,no\n60,yes\n" * 30)
    monkeypatch.chdir(root)
    return root


class TestWhatIsNoData:
    """Each is told in a line, and nothing lies in the project afterwards."""

    def refused(self, project: Path, capsys: Any, data: str) -> str:
        assert main(["add", data]) == 2
        told = capsys.readouterr().err
        assert told.startswith("error: ") and told.count("\n") == 1
        assert not list((project / "data").rglob("*"))
        return str(told)

    @pytest.mark.parametrize("data", [".", "..", "/", "../../"])
    def test_a_folder_that_holds_the_project(self, project: Path, capsys: Any, data: str) -> None:
        """The copy of one that lies above the project held itself, without an end."""
        assert "which holds the project" in self.refused(project, capsys, data)

    def test_a_pipe(self, project: Path, capsys: Any) -> None:
        os.mkfifo(project.parent / "pipe.csv")
        assert "Received: a pipe or device" in self.refused(project, capsys, "../pipe.csv")

    def test_a_file_that_is_not_there_gets_the_nearest_name(
        self, project: Path, capsys: Any
    ) -> None:
        told = self.refused(project, capsys, "../custmers.csv")
        assert "Did you mean 'customers.csv'?" in told
        assert "Did you mean 'iris'?" in self.refused(project, capsys, "irsi")

    def test_a_disk_that_is_full_leaves_no_part_of_the_copy(
        self, project: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The next `add` found the part, and said that the data exist."""

        def full(source: Path, target: Path) -> None:
            Path(target).write_text("age")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(shutil, "copyfile", full)
        told = "There must be room on the disk"
        assert main(["add", "../customers.csv"]) == 2
        assert told in capsys.readouterr().err
        assert not list((project / "data/sources").iterdir())
