"""Files that somebody made to do harm, small as they are; shared by the attacks and the fuzzing."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping

import numpy as np

# More than `limits.bytes` of the tests.
BOMB = 60 << 20
ROWS = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i % 2) for i in range(60))


class Marker:
    """Pickled, it runs a command when it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., int], tuple[str]]:
        import os

        return os.system, ("touch MARKER",)


def zipped(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def encrypted() -> bytes:
    content = bytearray(zipped({"rows.csv": ROWS}))
    # Bit 0 of the flags, in the entry and in the directory.
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


def lying_zip() -> bytes:
    """Its directory says one byte, its file has more."""
    content = bytearray(zipped({"rows.csv": ROWS}))
    content[content.index(b"PK\1\2") + 24 :][:4] = b"\1\0\0\0"
    at = content.index(b"PK\1\2") + 24
    content[at : at + 4] = b"\1\0\0\0"
    return bytes(content)


def tarred(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def sparse_tar() -> bytes:
    """A member of 2^40 zeros that takes one block."""
    member = tarfile.TarInfo("rows.csv")
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    # The real size stands at byte 483, in octal.
    header[483:495] = b"20000000000\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def links_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        link = tarfile.TarInfo("rows.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return file.getvalue()


def npy(shape: str, kind: str = "<f8", content: bytes = b"") -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (118 - len(head)) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + content


def npz(**arrays: bytes) -> bytes:
    return zipped({f"{name}.npy": content for name, content in arrays.items()})


def object_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([Marker()], dtype=object), allow_pickle=True)
    return file.getvalue()


def parquet(rows: int, columns: int = 1) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as writer

    file = io.BytesIO()
    values = pa.array(np.zeros(rows, np.int64))
    table = pa.table({f"c{i}": values for i in range(columns)})
    writer.write_table(table, file, compression="zstd")
    return file.getvalue()


def laughs() -> bytes:
    """A list of two lists of two lists ...: 2^64 values of some hundred bytes."""
    value: list[object] = [1]
    for _ in range(64):
        value = [value, value]
    return pickle.dumps(value, protocol=4)


def png(width: int, height: int, content: bytes | None = None) -> bytes:
    def chunk(kind: bytes, held: bytes) -> bytes:
        return (
            struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = bytes((width + 1) * height) if content is None else content
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def jpeg_of_scans(times: int) -> bytes:
    """A small file that goes over a large picture so many times more."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (900, 900)).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:-2] + content[last:-2] * times + content[-2:]


def broken_tiff() -> bytes:
    """Of a packing that libtiff undoes, with a wrong byte in it."""
    from PIL import Image

    file = io.BytesIO()
    Image.effect_noise((40, 40), 90).save(file, "TIFF", compression="tiff_adobe_deflate")
    content = bytearray(file.getvalue())
    content[40:44] = b"\xff" * 4
    return bytes(content)


def gif(width: int, height: int) -> bytes:
    """A canvas of one pixel with a frame of another size."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00\x3b"
    return b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(6) + frame


def png_with(kind: bytes, held: bytes) -> bytes:
    """A sound picture with one chunk more, packed."""
    content = png(20, 20)
    chunk = kind + held
    chunk = struct.pack(">I", len(held)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:33] + chunk + content[33:]


def layered(times: int) -> bytes:
    content = ROWS
    for _ in range(times):
        content = gzip.compress(content)
    return content


def wide_json() -> bytes:
    return json.dumps([{f"c{i}_{j}": 1 for j in range(50)} for i in range(200)]).encode()


# Name -> its file, what it holds, and a word of the line that refuses it.
FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "gzip bomb": ("a.csv.gz", lambda: gzip.compress(bytes(BOMB)), "limits.bytes"),
    "xz bomb": ("a.csv.xz", lambda: lzma.compress(bytes(BOMB), preset=0), "limits.bytes"),
    "bzip2 bomb": ("a.csv.bz2", lambda: bz2.compress(bytes(BOMB)), "limits.bytes"),
    "zip bomb": ("a.zip", lambda: zipped({"a.csv": bytes(BOMB)}), "limits.bytes"),
    "zip of many bombs": (
        "a.zip", lambda: zipped({f"{i}.csv": bytes(BOMB // 2) for i in range(5)}), "limits.ratio",
    ),
    "zip of too many files": (
        "a.zip", lambda: zipped({f"{i}.csv": b"" for i in range(1001)}), "limits.files",
    ),
    "gzip in gzip in gzip": ("a.csv", lambda: layered(9), "limits.layers"),
    "sparse tar": ("a.tar", sparse_tar, "limits.ratio"),
    "tar with a link out": ("a.tar", links_tar, "0 files"),
    "encrypted zip": ("a.zip", encrypted, "encrypted"),
    "zip that lies of its size": ("a.zip", lying_zip, "sound zip"),
    "cut gzip": ("a.csv.gz", lambda: gzip.compress(ROWS)[:-9], "end"),
    "cut zip": ("a.zip", lambda: zipped({"a.csv": ROWS})[:-9], "sound zip"),
    "npz bomb": ("a.npz", lambda: npz(x=npy(f"({BOMB // 8},)", content=bytes(BOMB))), "limits."),
    "npy that claims 2^50 numbers": ("a.npy", lambda: npy("(1125899906842624,)"), "limits."),
    "npy of 2^40 empty rows": ("a.npy", lambda: npy("(1099511627776, 0)"), "limits.rows"),
    "npz that claims 2^50 numbers": (
        "a.npz", lambda: npz(x=npy("(1, 1125899906842624)")), "limits.",
    ),
    "npy of a negative size": ("a.npy", lambda: npy("(-1,)", content=bytes(80)), "must"),
    "npy with code in its header": (
        "a.npy", lambda: npy("__import__('os').system('touch MARKER')"), "must be a sound",
    ),
    "npy of pickled objects": ("a.npy", object_array, "without Python objects"),
    "npz of pickled objects": ("a.npz", lambda: npz(x=object_array()), "without Python objects"),
    "idx that claims 2^60 numbers": (
        "a.idx", lambda: b"\0\0\x08\2" + b"\x40\0\0\0" * 2, "bytes for its shape",
    ),
    "parquet of a long run": ("a.parquet", lambda: parquet(1_200_000), "limits.rows"),
    "parquet of too many columns": ("a.parquet", lambda: parquet(2, 1001), "limits.columns"),
    "parquet that is larger in memory": ("a.parquet", lambda: parquet(900_000, 8), "limits.bytes"),
    "parquet with a broken foot": ("a.parquet", lambda: parquet(9)[:-20] + b"PAR1" * 5, "sound"),
    "pickle that runs a command": ("a.pkl", lambda: pickle.dumps(Marker()), "system"),
    "pickle that calls eval": (
        "a.pkl", lambda: b"cbuiltins\neval\n(S\"open('MARKER','w')\"\ntR.", "builtins.eval",
    ),
    "pickle of lists of lists": ("a.pkl", laughs, "in one place"),
    "pickle with a far memo": ("a.pkl", lambda: b"\x80\x04Nr\xff\xff\xff\x7f.", "memory"),
    "pickle of 2^62 bytes": (
        "a.pkl", lambda: b"\x80\x05\x96" + struct.pack("<Q", 1 << 62) + b"x.", "must",
    ),
    "pickle of an extension": ("a.pkl", lambda: b"\x80\x02\x82\x01.", "must be a sound pickle"),
    "deep json": ("a.json", lambda: b"[" * 200_000, "nested"),
    "json of deep objects": (
        "a.json", lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested",
    ),
    "json number of 5,000 digits": ("a.json", lambda: b'[{"a": ' + b"9" * 5000 + b"}]", "digits"),
    "json of ever new columns": ("a.json", wide_json, "limits.columns"),
    "json of half a character": ("a.jsonl", lambda: b'{"a\\ud800": 1, "b": 2}\n' * 60, "must"),
    "csv of too many columns": (
        "a.csv", lambda: b",".join(b"c%d" % i for i in range(1001)) + b"\n", "limits.columns",
    ),
    "csv of too many rows": ("a.csv", lambda: b"a\n" + b"1\n" * 1_000_001, "limits.rows"),
    "csv with a zero byte": ("a.csv", lambda: ROWS + b"1,\0\n", "zero byte"),
    "csv that is a page": ("a.csv", lambda: b"<!DOCTYPE html><script>1</script>", "a web page"),
    "wav that claims 4 GB": (
        "a.wav",
        lambda: b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0"
        b"data\xff\xff\xff\xff\0\0",
        "must",
    ),
    "arff that is none": ("a.arff", lambda: b"@relation x\n@attribute a {" + b"(" * 9999, "must"),
    "nothing": ("a.csv", lambda: b"", "0 bytes"),
}  # fmt: skip
