"""Every file format gives the rows that were written, and a damaged file an error."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import wave
import zipfile
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pytest

from throughline.errors import BadData
from throughline.pipeline.formats import FORMATS
from throughline.pipeline.schema.source import Read
from throughline.sources.formats.reading import format_of, read_bytes

CSV = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(500))


def read(content: bytes, name: str, **settings: Any) -> pd.DataFrame:
    return read_bytes(content, name, Read(**settings))[0]


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(**members: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def saved(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


class TestCompression:
    @pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
    def test_is_told_by_the_bytes(self, pack: Any) -> None:
        assert len(read(pack(CSV), "data.csv")) == 500

    def test_zip_and_tar_with_one_file(self) -> None:
        assert len(read(zipped(**{"x.csv": CSV, "__MACOSX/x.csv": b"?"}), "data.zip")) == 500
        assert len(read(gzip.compress(tarred(**{"d/x.csv": CSV})), "data.tar.gz")) == 500

    def test_a_member_must_be_chosen(self) -> None:
        content = zipped(**{"x.csv": CSV, "y.csv": b"c\n1\n"})
        with pytest.raises(BadData, match=r"2 files: x.csv, y.csv"):
            read(content, "data.zip")
        assert list(read(content, "data.zip", member="y.csv").columns) == ["c"]
        with pytest.raises(BadData, match=r"Did you mean 'y.csv'"):
            read(content, "data.zip", member="yy.csv")

    @pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
    @pytest.mark.parametrize("share", [0.3, 0.9])
    def test_a_cut_file_is_refused(self, pack: Any, share: float) -> None:
        content = pack(CSV)
        with pytest.raises(BadData, match="ends in the middle"):
            read(content[: int(share * len(content))], "data.csv.gz")

    def test_a_damaged_file_is_refused(self) -> None:
        content = bytearray(gzip.compress(CSV))
        content[len(content) // 2] ^= 0xFF
        with pytest.raises(BadData, match="sound gzip file"):
            read(bytes(content), "data.csv.gz")


class TestFormats:
    def test_json_lines(self) -> None:
        frame = read(b'{"a": 1, "b": "x"}\n\n{"a": 2}\n', "data.jsonl")
        assert frame["a"].tolist() == [1, 2]
        assert frame["b"].isna().tolist() == [False, True]

    @pytest.mark.parametrize(
        ("content", "name", "said"),
        [
            (b'{"a": 1}\n{"a": 1, "a": 2}\n', "data.jsonl", "Line 2 of 'data.jsonl'"),
            (b'[{"a": 1, "a": 2}]', "data.json", "object of 'data.json'"),
            (b'{"a": [1], "a": [2]}', "data.json", "object of 'data.json'"),
        ],
    )
    def test_a_key_that_is_there_twice_is_refused(
        self, content: bytes, name: str, said: str
    ) -> None:
        with pytest.raises(BadData, match=rf"{said} must have .*key once.*'a' twice"):
            read(content, name)

    def test_a_broken_json_line_is_named(self) -> None:
        with pytest.raises(BadData, match=r"Line 2 of 'data.jsonl' must be JSON"):
            read(b'{"a": 1}\n{"a": \n', "data.jsonl")

    @pytest.mark.parametrize(
        ("document", "columns"),
        [
            ([{"a": 1}, {"a": 2}], ["a"]),
            ({"a": [1, 2], "b": [3, 4]}, ["a", "b"]),
            ({"the": 1, "of": 2}, ["key", "value"]),
        ],
    )
    def test_json(self, document: Any, columns: list[str]) -> None:
        frame = read(json.dumps(document).encode(), "data.json")
        assert list(frame.columns) == columns
        assert len(frame) == 2

    def test_parquet(self) -> None:
        file = io.BytesIO()
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}).to_parquet(file)
        assert read(file.getvalue(), "data.parquet")["a"].tolist() == [1, 2]
        with pytest.raises(BadData, match="sound Parquet file"):
            read(file.getvalue()[:-20], "data.parquet")

    def test_npz_in_parts(self) -> None:
        images = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
        content = saved(x_train=images[:3], y_train=[0, 1, 2], x_test=images[3:], y_test=[3, 4])
        frame = read(content, "set.npz")
        assert frame["part"].tolist() == ["train"] * 3 + ["test"] * 2
        assert frame["y"].tolist() == [0, 1, 2, 3, 4]
        assert np.array_equal(np.stack(list(frame["x"])).reshape(5, 2, 3), images)
        assert frame.attrs["shapes"] == {"x": [2, 3]}

    def test_npz_of_unequal_length(self) -> None:
        with pytest.raises(BadData, match="same length"):
            read(saved(a=np.zeros(3), b=np.zeros(4)), "set.npz")

    def test_npz_of_objects_is_refused(self) -> None:
        with pytest.raises(BadData, match="without Python objects"):
            read(saved(a=np.array([{}, 1], dtype=object)), "set.npz")

    def test_idx(self) -> None:
        labels = struct.pack(">BBBBI", 0, 0, 8, 1, 4) + bytes([5, 0, 4, 1])
        assert read(labels, "train-labels-idx1-ubyte")["values"].tolist() == [5, 0, 4, 1]
        images = struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 2, 2) + bytes(range(8))
        frame = read(images, "t10k-images-idx3-ubyte")
        assert frame["values"][1].tolist() == [4, 5, 6, 7]
        with pytest.raises(BadData, match="must have 24 bytes"):
            read(images[:-1], "t10k-images-idx3-ubyte")

    def test_wav(self) -> None:
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setparams((2, 2, 8000, 3, "NONE", ""))
            sound.writeframes(np.array([[1, -1], [2, -2], [3, -3]], "<i2").tobytes())
        frame = read(file.getvalue(), "s.wav")
        assert frame["amplitude_2"].tolist() == [-1, -2, -3]
        assert frame["time"].tolist() == [0, 1 / 8000, 2 / 8000]
        with pytest.raises(BadData, match="must hold 12 bytes of 'data'"):
            read(file.getvalue()[:-3], "s.wav")

    def test_arff(self) -> None:
        text = "@relation r\n@attribute n numeric\n@attribute c {a,b}\n@data\n1.5,a\n?,b\n"
        frame = read(text.encode(), "x.arff")
        assert frame["c"].tolist() == ["a", "b"]
        assert frame["n"].isna().tolist() == [False, True]
        with pytest.raises(BadData, match="sound ARFF file"):
            read(b"@relation r\n@attribute n nonsense\n@data\n1\n", "x.arff")

    def test_lines(self) -> None:
        assert read(b"Nan\n\nNull\r\nA, b\n", "names.txt")["text"].tolist() == [
            "Nan", "Null", "A, b",
        ]  # fmt: skip

    def test_fixed_width(self) -> None:
        frame = read(
            b"MARY  2.629  1\nANNA  1.073  2\n", "x.txt", format="fixed", header=False,
            columns=["name", "share", "rank"],
        )  # fmt: skip
        assert frame["name"].tolist() == ["MARY", "ANNA"]
        assert frame["share"].tolist() == [2.629, 1.073]

    def test_an_unknown_ending_is_named(self) -> None:
        with pytest.raises(BadData, match=r"source.read.format.*book.docx"):
            read(b"abc", "book.docx")


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_a_reader_and_suffixes_of_its_own(name: str) -> None:
    reader = import_module(f"throughline.sources.formats.{FORMATS[name].module}")

    assert callable(reader.read)
    assert {format_of(f"rows{suffix}", b"") for suffix in FORMATS[name].suffixes} <= {name}
    assert Read(format=name).format == name


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        (("[Content_Types].xml", "xl/workbook.xml"), "workbook of Excel"),
        (("mimetype", "content.xml"), "sheet of OpenDocument"),
    ],
)
def test_a_spreadsheet_is_refused_as_one(members: tuple[str, ...], kind: str) -> None:
    """It said that `source.read.member` must name one of the files inside."""
    with pytest.raises(BadData, match=rf"{kind}.*Save the sheet as CSV"):
        read(zipped(**dict.fromkeys(members, b"x")), "rows.xlsx")


@pytest.mark.parametrize("whole", [{"a": {"0": 1}, "b": {"0": 2}}, {"columns": [1], "data": []}])
def test_a_json_file_of_another_shape_is_refused_with_the_way_on(whole: Any) -> None:
    with pytest.raises(BadData, match="orient='records'"):
        read(json.dumps(whole).encode(), "rows.json")


@pytest.mark.parametrize(
    ("name", "content", "way"),
    [
        ("rows.dta", b"<stata_dta>", r"pandas\.read_stata\('rows\.dta'\)\.to_parquet\('rows\.parq"),
        ("rows.db", b"SQLite format 3\0", r"source\.sql: sqlite:///rows\.db"),
        ("rows.what", b"a", "source.read.format"),
    ],
)
def test_a_file_of_another_program_is_refused_with_the_way_on(
    name: str, content: bytes, way: str
) -> None:
    """`source.read.format` was to name one of thirteen formats that it is not in."""
    with pytest.raises(BadData, match=way):
        read(content, name)
