"""AutoGluon's quick start on the table of docs/recording.md: lines, seconds and accuracy.

`python -m benchmarks.autogluon PYTHON` runs it by a Python of an environment of its own, made by
`uv venv ag && uv pip install --python ag/bin/python "autogluon.tabular[lightgbm]"`. It is given 480
rows drawn at random; the other 120 are held out.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.recording import table

# https://auto.gluon.ai/stable/tutorials/tabular/tabular-quick-start.html
QUICK_START = """\
from autogluon.tabular import TabularDataset, TabularPredictor
train_data, test_data = TabularDataset("train.csv"), TabularDataset("test.csv")
predictor = TabularPredictor(label="returned").fit(train_data)
print(predictor.predict(test_data).head(3))
print(predictor.evaluate(test_data))
"""
TRAINING = 480


def main(python: str = sys.executable) -> int:
    """Run it and say what came of it; returns the exit code."""
    known = subprocess.run([python, "-c", "import autogluon.tabular"], capture_output=True)
    if known.returncode:
        print(f"skipped: {python} has no autogluon.tabular; see the head of this module")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        table(place / "orders.csv", np.random.default_rng(0))
        with (place / "orders.csv").open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        # Numbers of orders grow: the last rows would be unlike those before them.
        rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]
        for name, part in (("train", rows[:TRAINING]), ("test", rows[TRAINING:])):
            with (place / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([header, *part])
        start = time.monotonic()
        done = subprocess.run(
            [python, "-c", QUICK_START], cwd=place, text=True, capture_output=True, check=False
        )
        seconds = time.monotonic() - start
    print((done.stdout if done.returncode == 0 else done.stderr)[-2000:].rstrip())
    print(f"{len(QUICK_START.splitlines())} lines, {seconds:.0f} s")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
