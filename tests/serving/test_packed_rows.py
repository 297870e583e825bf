"""A file that the training took compressed is answered as it is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from throughline.pipeline.schema.source import Read
from throughline.serving.errors import BadRequest
from throughline.serving.rows import packed
from throughline.serving.rows.reading import read_columns
from throughline.sources.formats.reading import read_table

ROWS = b"x,y\n1,a\n2,b\n"


def zipped(content: bytes, *others: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/rows.csv", content)
        for name in others:
            archive.writestr(name, "x")
    return stream.getvalue()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        item = tarfile.TarInfo("data/rows.csv")
        item.size = len(ROWS)
        archive.addfile(item, io.BytesIO(ROWS))
    return stream.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "rows.csv.gz": gzip.compress,
    "rows.csv.xz": lzma.compress,
    "rows.csv.bz2": bz2.compress,
    "rows.zip": lambda content: zipped(content, "__MACOSX/._rows.csv"),
    # Layers of a name that says nothing.
    "rows.csv": gzip.compress,
}


@pytest.mark.parametrize("name", PACKED)
def test_rows_are_those_of_the_training(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(PACKED[name](ROWS))
    trained, _ = read_table(tmp_path / name, name, Read())
    assert read_columns(tmp_path / name) == {"x": ["1", "2"], "y": ["a", "b"]}
    assert trained["x"].tolist() == [1, 2]


def test_a_file_inside_is_known_by_its_own_ending(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(b'{"x": 1}\n{"x": 2}\n'))
    assert read_columns(tmp_path / "rows.jsonl.gz") == {"x": [1, 2]}


def test_the_one_table_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "rows.zip").write_bytes(zipped(ROWS, "readme.md"))
    assert read_columns(tmp_path / "rows.zip")["x"] == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped(ROWS, "more.csv"), "must hold one file of rows. Received: 2"),
        (tarred(), "must hold one file of rows. Received: a tar"),
        (gzip.compress(tarred()), "must hold one file of rows. Received: a tar"),
        (gzip.compress(ROWS)[:-9], "must be a sound compressed file"),
        (zipped(ROWS)[:-30], "must be a sound zip file"),
    ],
    ids=["two files", "tar", "tar in gzip", "cut gzip", "cut zip"],
)
def test_what_holds_no_one_table_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "rows.zip").write_bytes(content)
    with pytest.raises(BadRequest, match=said):
        read_columns(tmp_path / "rows.zip")


@pytest.mark.parametrize("pack", [gzip.compress, zipped])
def test_no_bomb_is_unpacked(
    pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "LEAST_BYTES", 10_000)
    monkeypatch.setattr(packed, "MOST_TIMES", 10)
    (tmp_path / "rows.gz").write_bytes(pack(b"0," * 100_000))
    with pytest.raises(BadRequest, match="holds more than"):
        read_columns(tmp_path / "rows.gz")
