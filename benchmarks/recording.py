"""The five commands from an empty folder to a served answer, recorded for five kinds of data.

`python -m benchmarks.recording` makes a table, one with semicolons, texts, a folder of photos and a
series, types the commands of the README for each and writes docs/recording.md: what comes back, how
long each command took here and how many lines were typed.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PAGE = Path("docs/recording.md")
WORDS = ("fine", "warm", "lovely", "good"), ("dull", "cold", "boring", "bad")
Maker = Callable[[Path, np.random.Generator], None]


@dataclass(frozen=True)
class Kind:
    """Somebody's data: who makes them, their name on disk and what is asked of them."""

    title: str
    data: str
    target: str | None
    make: Maker
    ask: str


def table(path: Path, draw: np.random.Generator, separator: str = ",", mark: str = ".") -> None:
    """600 orders; whether one comes back follows from its price and country."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(["order", "price", "country", "items", "returned"])
        for number in range(600):
            price, country = draw.gamma(3, 20), draw.choice(["DE", "FR", "NL"])
            back = draw.random() < 1 / (1 + np.exp(-(price - 70) / 15 - (country == "NL")))
            shown = f"{price:.2f}".replace(".", mark)
            writer.writerow([number, shown, country, draw.integers(1, 6), "yes" if back else "no"])


def semicolons(path: Path, draw: np.random.Generator) -> None:
    """The same as a German spreadsheet writes it."""
    table(path, draw, ";", ",")


def texts(path: Path, draw: np.random.Generator) -> None:
    """400 reviews of a sentence."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "opinion"])
        for _ in range(400):
            good = bool(draw.random() < 0.5)
            first, second = draw.choice(WORDS[not good], 2)
            third = draw.choice(WORDS[0] + WORDS[1])
            place = draw.choice(["film", "play", "book", "hotel"])
            text = f"The {place} was {first} and {second}, at times {third}."
            writer.writerow([text, "good" if good else "bad"])


def photos(path: Path, draw: np.random.Generator) -> None:
    """240 pictures of two classes in folders: a disc, a square, on noise."""
    from PIL import Image, ImageDraw

    for name in ("disc", "square"):
        (path / name).mkdir(parents=True)
        for number in range(120):
            picture = Image.fromarray(draw.integers(0, 90, (48, 64, 3), dtype=np.uint8))
            x, y, size = draw.integers(4, 36), draw.integers(4, 20), draw.integers(12, 26)
            shape = ImageDraw.Draw(picture)
            box = [int(x), int(y), int(x + size), int(y + size)]
            color = tuple(int(each) for each in draw.integers(120, 255, 3))
            (shape.ellipse if name == "disc" else shape.rectangle)(box, fill=color)
            picture.save(path / name / f"{number}.png")


def series(path: Path, draw: np.random.Generator) -> None:
    """Two years of days with a week and a trend."""
    days = np.datetime64("2024-01-01") + np.arange(730)
    level = 200 + 0.1 * np.arange(730) + 30 * (np.arange(730) % 7 < 5)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "visitors"])
        writer.writerows(
            zip(days, np.round(level + draw.normal(0, 8, 730)).astype(int), strict=True)
        )


MODEL = "throughline predict models/{name}/model.onnx"
KINDS = (
    Kind("A table", "orders.csv", "returned", table, f"{MODEL} ../orders.csv | head -3"),
    Kind("Semicolons", "retour.csv", "returned", semicolons, f"{MODEL} ../retour.csv | head -3"),
    Kind("Texts", "reviews.csv", "opinion", texts, f"{MODEL} ../reviews.csv | head -3"),
    Kind("A folder of photos", "photos", None, photos, f"{MODEL} --image ../photos/disc/1.png"),
    Kind("A series", "visitors.csv", "visitors", series, f"{MODEL} ../visitors.csv | tail -2"),
)  # fmt: skip


def recorded(kind: Kind, folder: Path) -> Iterator[str]:
    """The lines of a section of the page."""
    kind.make(folder / kind.data, np.random.default_rng(0))
    target = f" --target {kind.target}" if kind.target else ""
    # Named after what is predicted.
    name = kind.target or kind.data
    commands = [
        "throughline init shop && cd shop",
        f"throughline add ../{kind.data}{target}",
        f"throughline run {name}",
        f"throughline try {name} --no-open",
        kind.ask.format(name=name),
    ]
    yield f"\n## {kind.title}\n\n```console"
    seconds = []
    for number, command in enumerate(commands):
        start = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder / "shop" if number else folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        seconds.append(time.monotonic() - start)
        lines = done.stdout.rstrip().splitlines()
        yield f"$ {command}"
        yield from (lines if number else [lines[0], "...", lines[-1]])
        if done.returncode:
            raise SystemExit(f"{kind.title}: {command} failed\n{done.stdout}")
    each = " + ".join(f"{second:.0f}" for second in seconds)
    yield "```\n"
    yield f"{len(commands)} lines typed; {each} s, {sum(seconds) / 60:.1f} minutes."


def main() -> int:
    """Write the page; returns the exit code."""
    lines = [
        "# Five commands, recorded",
        "",
        "`python -m benchmarks.recording` wrote this page: data of its own making, an empty folder",
        "for each, nothing changed by hand. Seconds are those of a machine with two cores.",
    ]
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            lines += recorded(kind, Path(folder))
        print(f"{kind.title}: {lines[-1]}", flush=True)
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
