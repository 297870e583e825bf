"""`throughline try NAME`: where its page lies, and a line for each thing that may be missing."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from throughline.cli import main
from throughline.trial import runtime, trial

PIPELINE = """\
title: Which?
task: multiclass
source: {rows: {length: [1, 2], kind: [x, y]}}
target: kind
columns: {length: {}}
split: {test: 0.5}
network: []
training: {epochs: 1}
compare: [majority]
"""


@pytest.fixture
def shop(tmp_path: Path, model_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the model of pipeline `table`, and `fresh`, which has none yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    for name in ("table", "fresh"):
        file = tmp_path / "pipelines" / name / "pipeline.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(PIPELINE)
    shutil.copytree(model_of("table").parent, tmp_path / "models/table")
    return tmp_path


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files that pass for the runtime's."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    known = {}
    for path in runtime.SHA256:
        content = path.encode()
        (folder / Path(path).name).write_bytes(content)
        known[path] = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(runtime, "SHA256", known)
    return folder


def refused(capsys: Any, *words: str) -> str:
    assert main(list(words)) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ") and told.count("\n") == 1
    return str(told)


def test_the_page_is_written_and_opened(
    shop: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("THROUGHLINE_MIRROR", str(mirror))
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["try", "table", "--no-open"]) == 0
    assert capsys.readouterr().out == "reports/table/try.html\n" and not opened
    assert main(["try", "table"]) == 0
    assert opened == [(shop / "reports/table/try.html").as_uri()]
    content = (shop / "reports/table/try.html").read_text()
    assert "Which?" in content and "report.html" not in content
    report = shop / "reports/table/evaluation/report.html"
    report.parent.mkdir()
    report.write_text("")
    assert main(["try", "table", "--no-open"]) == 0
    content = (shop / "reports/table/try.html").read_text()
    assert '<a href="evaluation/report.html">' in content


def test_an_unknown_pipeline_gets_the_nearest_name(shop: Path, capsys: Any) -> None:
    assert "Did you mean 'table'?" in refused(capsys, "try", "tabel")


def test_no_model_yet(shop: Path, capsys: Any) -> None:
    told = refused(capsys, "try", "fresh")
    assert "models/fresh/model.onnx" in told and "Run `throughline run fresh` first" in told


def test_a_model_too_large(shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(trial, "MOST_BYTES", 100)
    told = refused(capsys, "try", "table")
    assert "models/table/model.onnx" in told and "throughline predict" in told


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("npm error code ENOTFOUND registry.example", "The npm registry must answer for"),
        ("npm error 404 onnxruntime-web@1.30.0 is gone", "The npm registry must deliver"),
    ],
)
def test_no_network(
    said: str, expected: str, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("throughline.sources.kinds.archive._client", lambda name: name)
    monkeypatch.setattr("throughline.sources.kinds.archive._run", lambda *_: said)
    told = refused(capsys, "try", "table")
    assert expected in told and "onnxruntime-web@1.30.0" in told
    assert "ort-wasm-simd-threaded.wasm" in told and "THROUGHLINE_MIRROR" in told
    assert not (shop / "reports/table/try.html").exists()


def test_no_npm(shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    told = refused(capsys, "try", "table")
    assert "'npm' must be installed" in told and "THROUGHLINE_MIRROR" in told


def test_the_package_is_fetched_once_and_kept(
    shop: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[Path] = []

    def npm(address: Any, folder: Path) -> Path:
        import tarfile

        fetched.append(folder)
        with tarfile.open(folder / "package.tgz", "w:gz") as archive:
            for path in runtime.SHA256:
                archive.add(mirror / Path(path).name, f"package/{path}")
        return folder / "package.tgz"

    monkeypatch.setattr("throughline.sources.kinds.archive._by_npm", npm)
    assert main(["try", "table", "--no-open"]) == 0
    assert main(["try", "table", "--no-open"]) == 0
    assert len(fetched) == 1
