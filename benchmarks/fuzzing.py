"""Damaged files through every reader and the command line: no traceback, no breach, in bounds.

    python -m benchmarks.fuzzing --count 5000

Each input has 1 GB of memory and 20 s. It is made of a sound or hostile file by a seeded generator,
so `--first N --count 1` makes input N again. Exit code 1 where one input broke a promise.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import yaml

from tests.security import hostile, models
from tests.security.test_attacks import PIPELINE, SHARED

MEMORY, SECONDS = 1 << 30, 20
LIMITS = {
    "bytes": 50 << 20, "rows": 1_000_000, "columns": 1000, "files": 1000, "pixels": 10_000_000,
    "seconds": SECONDS, "memory": MEMORY,
}  # fmt: skip
# One input of so many goes through the command, which takes longer than a reader.
COMMAND_EVERY = 5
NUMBERS = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff" * 8, b"9" * 20, b"-1", b"1e999", b"nan")
WORDS = (
    b",",
    b'"',
    b"\n",
    b"{",
    b"[",
    b"\x1b[2J",
    b"\xff\xfe",
    b"\0",
    b"=1+1",
    b"../",
    b"$x$",
    b"&a *a",
)


def files() -> dict[str, bytes]:
    """Sound files of every format, and the hostile ones of the attacks that are small."""
    rows = hostile.ROWS
    listed = [{"a": i, "b": f"w{i % 3}", "c": [i, i]} for i in range(40)]
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
        "s.pkl": __import__("pickle").dumps({"x": np.arange(9), "y": np.arange(9.0)}),
        "s.png": hostile.png(20, 20),
        "s.yaml": yaml.safe_dump(PIPELINE).encode(),
        "s.onnx": models.labels("no", "yes"),
        "t.onnx": models.MODELS["metadata: a window of nothing"][0](),
    }
    made = {
        f"{number}-{name}": make() for number, (name, make, _) in enumerate(hostile.FILES.values())
    }
    return sound | {name: content for name, content in made.items() if len(content) < 300_000}


def damaged(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """A file after one to five accidents."""
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


def read(name: str, content: bytes) -> None:
    """Give a file to the reader of its ending."""
    from throughline.pipeline.schema.image import Images
    from throughline.pipeline.schema.source import Read
    from throughline.pipeline.yaml_file import YamlFile
    from throughline.serving.predictor import Predictor
    from throughline.sources.formats.reading import read_bytes
    from throughline.sources.pictures.decoding import decoded
    from throughline.sources.table import standardised

    path = Path(name)
    path.write_bytes(content)
    if name.endswith(".onnx"):
        from throughline.serving.bounds import stranger

        with stranger(path, SECONDS / 2, MEMORY):
            Predictor(path).predict({"x": ["1", "2"]})
    elif name.endswith(".yaml"):
        YamlFile(path)
    elif name.endswith(".png"):
        decoded(name, content, Images(size=[8, 8]))
    else:
        frame, _ = read_bytes(content, name, Read())
        from throughline.limits import guarded

        with guarded(name):
            standardised(frame, {}, (), name)


def commanded(name: str, content: bytes) -> None:
    """Give a file to the command that takes it."""
    from throughline.cli import main

    path = Path(name)
    path.write_bytes(content)
    if name.endswith(".onnx"):
        words = ["predict", name, "rows.csv", "--seconds", "5", "--memory", "1"]
        main(["inspect", name])
    elif name.endswith(".yaml"):
        folder = Path("pipelines") / "fuzzed"
        folder.mkdir(parents=True, exist_ok=True)
        path.replace(folder / "pipeline.yaml")
        words = ["check", "fuzzed"]
    else:
        words = ["profile", name, "--as", "drafted"]
    if main(words) not in (0, 1, 2):
        raise AssertionError("another exit code")


def tried(index: int, every: dict[str, bytes]) -> str:
    """What became of one input: `read`, `refused`, or the promise that it broke."""
    from throughline.errors import ThroughlineError
    from throughline.serving.errors import BadRequest

    chance = random.Random(index)
    # Rather a sound one: most of the others end at the first look.
    sound = [name for name in sorted(every) if not name[0].isdigit()]
    name = chance.choice(sound if chance.random() < 0.6 else sorted(every))
    content = damaged(every[name], every[chance.choice(sorted(every))], chance)
    act: Callable[[str, bytes], None] = commanded if index % COMMAND_EVERY == 0 else read
    said = io.StringIO()
    begun = time.monotonic()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            act(name, content)
        verdict = "refused" if "error:" in said.getvalue() else "read"
    except (ThroughlineError, BadRequest) as error:
        verdict = "refused" if str(error).isprintable() else f"BROKEN: unprintable line of {name}"
    except BaseException as error:
        verdict = f"BROKEN: {type(error).__name__} at {name}: {str(error)[:200]}"
    if "Traceback" in said.getvalue():
        verdict = f"BROKEN: a traceback at {name}"
    if time.monotonic() - begun > SECONDS:
        verdict = f"BROKEN: {time.monotonic() - begun:.0f} s for {name}"
    return verdict


def work(connection: Connection, folder: str) -> None:
    """Try the inputs whose numbers come."""
    import pandas
    import pyarrow.parquet  # noqa: F401

    from throughline.limits import Limits, applied

    os.chdir(folder)
    os.environ.pop("THROUGHLINE_MIRROR", None)
    every = files()
    pandas.DataFrame({"a": [1]}).describe()
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    # What is here already are libraries.
    resource.setrlimit(resource.RLIMIT_AS, (held + 2 * MEMORY, held + 2 * MEMORY))
    with applied(Limits.of(LIMITS)):
        while (index := connection.recv()) is not None:
            connection.send(tried(index, every))
            for path in [*Path("pipelines").glob("*/*"), *Path("reports").rglob("*.html")]:
                path.unlink()


@contextlib.contextmanager
def worker(folder: str) -> Iterator[tuple[Connection, multiprocessing.process.BaseProcess]]:
    """A process that tries inputs; it may die of one."""
    context = multiprocessing.get_context("spawn")
    mine, other = context.Pipe()
    process = context.Process(target=work, args=(other, folder), daemon=True)
    process.start()
    other.close()
    try:
        yield mine, process
    finally:
        process.kill()
        process.join()


def main() -> int:
    """Try all inputs and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    verdicts: Counter[str] = Counter()
    waiting = list(range(options.first, options.first + options.count))[::-1]
    with tempfile.TemporaryDirectory() as top:
        project = Path(top) / "home" / "project"
        project.mkdir(parents=True)
        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "limits": LIMITS}))
        (project / "rows.csv").write_text("x\n1\n2\n")
        while waiting:
            with worker(str(project)) as (connection, process):
                while waiting:
                    index = waiting.pop()
                    try:
                        connection.send(index)
                        # The first waits for the libraries, too.
                        late = not connection.poll(3 * SECONDS)
                        verdict = "BROKEN: no answer" if late else connection.recv()
                    except (EOFError, OSError):
                        process.join()
                        verdict = f"BROKEN: ended by {process.exitcode}"
                    if verdict.startswith("BROKEN"):
                        print(f"{index}: {verdict}", flush=True)
                    verdicts[verdict.partition(":")[0]] += 1
                    if "no answer" in verdict or "ended by" in verdict:
                        break
        markers = list(Path(top).rglob("MARKER"))
        outside = [path for path in Path(top).iterdir() if path.name != "home"]
        outside += [path for path in (Path(top) / "home").iterdir() if path != project]
    print(dict(verdicts), f"markers: {len(markers)}, files outside: {len(outside)}")
    return 1 if verdicts["BROKEN"] or markers or outside else 0


if __name__ == "__main__":
    sys.exit(main())
