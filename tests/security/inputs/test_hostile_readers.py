"""Archives, arrays and tables of labels that say what is not so of the files beside them."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.security.hostile import npy, npz, tarred, zipped
from tests.security.projects import Refused

LABELS = {"images": {"size": [4, 4]}, "labels": {"file": "l.csv", "name": "name"}}
DEEP = "/".join("a" * 15_000)


def pictures(labels: str, **more: bytes) -> bytes:
    files = {}
    for number in range(4):
        file = io.BytesIO()
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(file, "PNG")
        files[f"{number}.png"] = file.getvalue()
    return zipped({**files, "l.csv": labels.encode(), **more})


def rows(column: str, value: str) -> str:
    return f"name,{column}\n" + "".join(f"{number}.png,{value}\n" for number in range(4))


def idx(*shape: int) -> bytes:
    head = b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return head + bytes(int(np.prod(shape)))


def saved(values: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


class TestLabels:
    @pytest.mark.parametrize(
        ("labels", "says"),
        [
            # It would say which picture of the array is a row's.
            (rows("pixels", "99999"), "may be called as that of what the files hold"),
            (rows("y", "1") * 2, "has several"),
            ("name,y\n\0.png,1\n", "zero byte"),
            ("", "0 bytes"),
        ],
    )
    def test_are_refused(self, project: Path, unfetched: Refused, labels: str, says: str) -> None:
        (project / "p.zip").write_bytes(pictures(labels))
        unfetched(says, folder="p.zip", **LABELS)

    def test_lie_among_the_files(self, project: Path, unfetched: Refused) -> None:
        (project / "p.zip").write_bytes(pictures(rows("y", "1")))
        (project.parent / "out.csv").write_text(rows("y", "1"))
        elsewhere = {**LABELS, "labels": {"file": "../out.csv", "name": "name"}}
        unfetched("must name a file of the source", folder="p.zip", **elsewhere)


class TestNames:
    @pytest.mark.parametrize("packed", [zipped, tarred])
    def test_of_thousands_of_folders(self, project: Path, unfetched: Refused, packed: Any) -> None:
        """What is looked up of each of them grew with their square, half a minute for one."""
        (project / "p.zip").write_bytes(packed({f"{DEEP}/x.png": b"x", "l.csv": b"name,y\n"}))
        before = time.process_time()
        unfetched("names of at most 4,096 characters", folder="p.zip", **LABELS)
        assert time.process_time() - before < 5


class TestArrays:
    @pytest.mark.parametrize(
        ("file", "content", "says"),
        [
            ("a.idx", b"\0\0\x08", "must hold data"),
            ("a.idx", b"\0\0\x08\xff" + bytes(4 * 255), "dimension"),
            ("a.idx", b"\0\0\x08\2\xff\xff\xff\xff\0\0\0\0", "limits.rows"),
            ("a.npy", saved(np.ones(60, "c16")), "complex128"),
            ("a.npy", saved(np.zeros(60, [("a", "<f8"), ("b", "<i4")])), "must hold numbers"),
            ("a.npy", npy("(60,)", "|V0"), "must hold numbers"),
            ("a.npy", npy("(60,)", "|S2000000000"), "limits.bytes"),
            ("a.npz", npz(x=b"hello", y=saved(np.ones(5))), "must hold data"),
        ],
    )
    def test_are_refused(
        self, project: Path, unfetched: Refused, file: str, content: bytes, says: str
    ) -> None:
        (project / file).write_bytes(content)
        unfetched(says, file=file)

    def test_of_which_one_would_take_the_others_place(
        self, project: Path, unfetched: Refused
    ) -> None:
        (project / "p.zip").write_bytes(
            zipped({f"train-images{number}-idx3-ubyte": idx(2, 2, 2) for number in range(3)})
        )
        unfetched("is another one", folder="p.zip")


class TestEncodings:
    @pytest.mark.parametrize("name", ["zlib", "rot13", "../x", "os", "base64", "utf-8\0"])
    def test_that_are_none_of_text(self, project: Path, unfetched: Refused, name: str) -> None:
        (project / "a.csv").write_text("a,b\n1,2\n")
        unfetched("encoding" if "\0" not in name else "null", file="a.csv", read={"encoding": name})
