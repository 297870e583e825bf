"""What the fuzzing gives to readers and commands: sound and hostile files, damaged by a seed."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import pickle
import random
import sqlite3
import tempfile
import wave
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.security import hostile, models, projects

NUMBERS = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff" * 8, b"9" * 20, b"-1", b"1e999", b"nan")
WORDS = (
    b",", b'"', b"\n", b"{", b"[", b"\x1b[2J", b"\xff\xfe", b"\0", b"=1+1", b"../", b"$x$",
    b"&a *a", b"null", b"[]", b"<script>", "‮".encode(), b": ", b"- ", b"9" * 5000,
)  # fmt: skip
# Of a hostile file only the small are damaged; the large ones are attacks of their own.
MOST_BYTES = 300_000


def readable() -> dict[str, bytes]:
    """A sound file of every format that a reader takes, and the hostile ones of the attacks."""
    rows = b"x,town,y\n" + b"".join(
        b"%d,%s,%d\n" % (i * i % 17, b"abc"[i % 3 :][:1], i % 2) for i in range(60)
    )
    listed = [{"x": i * i % 17, "town": f"w{i % 3}", "y": i % 2} for i in range(60)]
    network = {"config.json": b'{"class_name": "Sequential"}', "model.weights.h5": b""}
    sound = {
        "s.csv": rows,
        "s.tsv": rows.replace(b",", b"\t"),
        "s.txt": b"a few words\n" * 40,
        "s.json": json.dumps(listed).encode(),
        "s.jsonl": "\n".join(map(json.dumps, listed)).encode(),
        "s.parquet": hostile.parquet(50, 3),
        "s.npy": hostile.npy("(40,)", content=bytes(320)),
        "s.npz": hostile.npz(x=hostile.npy("(40,)", content=bytes(320))),
        "s.arff": b"@relation r\n@attribute a numeric\n@attribute b {x,y}\n@data\n"
        + b"1,x\n2,y\n" * 3,
        "s.idx": b"\0\0\x08\2\0\0\0\5\0\0\0\4" + bytes(20),
        "s.zip": hostile.zipped({"s.csv": rows}),
        "s.tar": hostile.tarred({"a/s.csv": rows}),
        "s.csv.gz": gzip.compress(rows),
        "s.csv.bz2": bz2.compress(rows),
        "s.csv.xz": lzma.compress(rows),
        "s.pkl": pickle.dumps({"x": np.arange(9), "y": np.arange(9.0)}),
        "s.wav": _wave(),
        "s.db": _database(),
        "s.png": hostile.png(20, 20),
        "s.yaml": yaml.safe_dump(projects.DOCUMENT).encode(),
        "s.onnx": models.labels("no", "yes"),
        "t.onnx": models.MODELS["metadata: a window of nothing"][0](),
        "u.onnx": models.described(),
        "s.keras": hostile.zipped(network),
    }
    made = {
        f"{number}-{name}": make() for number, (name, make, _) in enumerate(hostile.FILES.values())
    }
    return sound | {name: content for name, content in made.items() if len(content) < MOST_BYTES}


def _wave() -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(400))
    return file.getvalue()


def _database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        connection = sqlite3.connect(path)
        connection.executescript("create table t (x, rain); insert into t values (1, 0), (2, 1);")
        connection.close()
        return path.read_bytes()


def damaged(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """A file after one to five accidents; now and then bytes of another lie in it."""
    held = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(held) + 1)
        kind = chance.randrange(6)
        if kind == 0 and held:
            held[at % len(held)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            held[at:at] = chance.choice(WORDS)
        elif kind == 2:
            number = chance.choice(NUMBERS)
            held[at : at + len(number)] = number
        elif kind == 3:
            del held[at : at + chance.randint(1, 1 + len(held) // 4)]
        elif kind == 4:
            held[at:at] = held[at : at + chance.randint(1, 200)] * chance.randint(1, 50)
        else:
            start = chance.randrange(len(other) + 1)
            held[at : at + 50] = other[start : start + chance.randint(1, 200)]
    return bytes(held)


# What stands in the place of a value of a structured file: the shape is wrong, the syntax is not.
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1 << 70, float("inf"), float("nan"), "", "\x1b[2J", "../../outside",
    "e;touch MARKER", "<script>alert(1)</script>", "x\ny", [], {}, [[]], {"a": {}}, ["x"] * 3,
    "9" * 400, "\u202e", "=1+1",
)  # fmt: skip


def misshapen(content: Any, chance: random.Random) -> Any:
    """A structure in which one to three values or keys are others."""
    for _ in range(chance.randint(1, 3)):
        holders = list(_holders(content))
        if not holders:
            return deepcopy(chance.choice(VALUES))
        holder, key = chance.choice(holders)
        kind = chance.randrange(4)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[str(chance.choice(VALUES))] = holder.pop(key)
        else:
            # A copy: the next accident may befall what is inside.
            holder[key] = deepcopy(chance.choice(VALUES))
    return content


def _holders(content: Any) -> Any:
    """Every place of a structure, as what holds it and its key."""
    if isinstance(content, dict):
        places = [(content, key) for key in content]
    elif isinstance(content, list):
        places = [(content, key) for key in range(len(content))]
    else:
        return
    yield from places
    for holder, key in places:
        yield from _holders(holder[key])
