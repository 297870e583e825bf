"""Windows of words by index against a text and a row of numbers for each window.

    python -m benchmarks.words                    # 300,000 windows of 60 words; a few minutes
    python -m benchmarks.words --windows 50000    # fewer

Both sides go from the words of a made text to what a training reads: the windows with the word that
follows, a vocabulary fitted on them, and the token numbers, by the same graph. `index` is the way
of the stages; `rows` makes the strings first, and so an array of all windows. Each side runs in a
process of its own, in turns; of each the best seconds of the processor and the largest memory over
that of the process before count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.memory import Peak

if TYPE_CHECKING:
    import pandas as pd

WORDS, LENGTH = 5000, 60
SIDES = ("index", "rows")
# The memory of the windows' numbers alone, as int32, is what the index must stay below.
LARGEST = 1.0


def text(count: int) -> list[list[str]]:
    """So many words of the frequencies of a language, in texts of 10,000."""
    letters = np.array(list("abcdefghij"))
    names = ["".join(letters[[int(digit) for digit in str(number)]]) for number in range(WORDS)]
    drawn = np.random.default_rng(0).zipf(1.2, count) % WORDS
    words = [names[number] for number in drawn.tolist()]
    return [words[start : start + 10_000] for start in range(0, count, 10_000)]


def measured(side: str, count: int) -> dict[str, float]:
    """Seconds of the processor and bytes of one side."""
    from throughline.sources.samples import windows

    _arrays(windows(text(1000), 3, " "), side)  # Libraries are loaded before anything counts.
    texts = text(count)
    began, peak = time.process_time(), Peak()
    rows = windows(texts, LENGTH, " ")
    array = _arrays(rows, side)
    seconds = time.process_time() - began
    return {"seconds": seconds, "bytes": peak.stop(), "windows": len(rows), "sum": _sum(array)}


def _arrays(rows: pd.DataFrame, side: str) -> Any:
    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.fit import fit
    from throughline.preprocessing.plan import plan
    from throughline.samples.rows.row_arrays import arrays
    from throughline.tokens.token_rows import as_texts, texts_of

    length = texts_of(rows["context"]).series.length
    treated = {"tokens": "[^ ]+", "encode": {"ids": {"length": length}}}
    column = Column.model_validate({"text": treated})
    held = rows if side == "index" else as_texts(rows)
    fitted = fit(held, plan(held, {"context": column}, None, ["next"]))
    return arrays(fitted, held)["features"]


def _sum(array: Any) -> int:
    """Of all numbers, so that the sides can be seen to agree."""
    starts = range(0, len(array), 4096)
    return sum(int(array[start : start + 4096].sum()) for start in starts)


def main() -> int:
    """Print the figures and return 0 when the index is within its budget."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--windows", type=int, default=300_000)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--side", choices=SIDES, help="measure this side, printed as JSON")
    chosen = parser.parse_args()
    if chosen.side:
        print(json.dumps(measured(chosen.side, chosen.windows)))
        return 0
    turns = [{side: _in_a_process(side, chosen.windows) for side in SIDES}
             for _ in range(chosen.turns)]  # fmt: skip
    assert len({turn[side]["sum"] for turn in turns for side in SIDES}) == 1
    count = int(turns[0]["index"]["windows"])
    array = count * LENGTH * 4
    best = {
        side: {key: min(turn[side][key] for turn in turns) for key in ("seconds", "bytes")}
        for side in SIDES
    }
    print(f"{count:,} windows of {LENGTH} words; their numbers as an array: {array / 1e6:.0f} MB")
    for side, found in best.items():
        print(
            f"{side:6} {found['bytes'] / 1e6:7.0f} MB, {found['bytes'] / array:.2f} x that array, "
            f"{found['seconds']:.1f} s of the processor"
        )
    ratios = {key: best["rows"][key] / best["index"][key] for key in ("bytes", "seconds")}
    print(f"rows against index: {ratios['bytes']:.1f} x the memory, {ratios['seconds']:.2f} x the "
          "seconds")  # fmt: skip
    return int(best["index"]["bytes"] > LARGEST * array)


def _in_a_process(side: str, count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.words", "--side", side, "--windows", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    sys.exit(main())
