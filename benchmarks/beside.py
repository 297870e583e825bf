"""Other projects' quick starts on the table of docs/recording.md: lines, seconds and accuracy.

`python -m benchmarks.beside PROJECT PYTHON` runs that of `autogluon`, `ludwig` or `kedro` by the
Python of an environment of its own: `pip install "autogluon.tabular[lightgbm]"`; `ludwig`, with the
torchvision of its torch; `kedro "kedro-datasets[pandas,pickle]" scikit-learn`. It is given 480 rows
drawn at random; the other 120 are held out.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.recording import table

TRAINING = 480


@dataclass(frozen=True)
class QuickStart:
    """What a stranger types.

    Attributes:
        module: that says whether it is installed.
        files: that the stranger writes, by path.
        commands: words after `PYTHON -m`, or a program's beside that Python.
        given: words of a command that makes what is there before a line is written.
        folder: in which the commands run.
    """

    module: str
    files: dict[str, str]
    commands: tuple[tuple[str, ...], ...]
    given: tuple[str, ...] = ()
    folder: str = "."

    @property
    def lines(self) -> int:
        """Lines that are not blank, a command one each; a script's own run counts none."""
        written = [line for text in self.files.values() for line in text.splitlines() if line]
        return len(written) + (len(self.commands) if self.commands[0][0] != "python" else 0)


QUICK_STARTS = {
    # https://auto.gluon.ai/stable/tutorials/tabular/tabular-quick-start.html
    "autogluon": QuickStart(
        "autogluon.tabular",
        {
            "start.py": """\
from autogluon.tabular import TabularDataset, TabularPredictor
train_data, test_data = TabularDataset("train.csv"), TabularDataset("test.csv")
predictor = TabularPredictor(label="returned").fit(train_data)
print(predictor.predict(test_data).head(3))
print(predictor.evaluate(test_data))
"""
        },
        (("python", "start.py"),),
    ),
    # https://github.com/ludwig-ai/ludwig/tree/main/examples/getting_started
    "ludwig": QuickStart(
        "ludwig",
        {
            "config.yaml": """\
input_features:
  - name: price
    type: number
  - name: country
    type: category
  - name: items
    type: number
output_features:
  - name: returned
    type: binary
"""
        },
        (
            ("ludwig", "train", "--dataset", "train.csv", "--config", "config.yaml"),
            ("ludwig", "evaluate", "--dataset", "test.csv",
             "--model_path", "results/experiment_run/model"),
        ),
    ),
    # Its tutorial's pipeline data_science: these functions, for orders in place of shuttles.
    "kedro": QuickStart(
        "kedro",
        {
            "orders/conf/base/catalog.yml": """\
train:
  type: pandas.CSVDataset
  filepath: ../train.csv
test:
  type: pandas.CSVDataset
  filepath: ../test.csv
classifier:
  type: pickle.PickleDataset
  filepath: classifier.pickle
metrics:
  type: pandas.JSONDataset
  filepath: metrics.json
""",
            "orders/src/orders/pipelines/data_science/__init__.py": """\
from .pipeline import create_pipeline
""",
            "orders/src/orders/pipelines/data_science/nodes.py": """\
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
FEATURES = ["price", "country", "items"]
def train_model(train: pd.DataFrame) -> Pipeline:
    columns = make_column_transformer(
        (StandardScaler(), ["price", "items"]), (OneHotEncoder(), ["country"])
    )
    model = make_pipeline(columns, LogisticRegression())
    return model.fit(train[FEATURES], train["returned"])
def evaluate_model(classifier: Pipeline, test: pd.DataFrame) -> pd.DataFrame:
    accuracy = classifier.score(test[FEATURES], test["returned"])
    print(f"accuracy {accuracy:.3f}")
    return pd.DataFrame({"accuracy": [accuracy]})
""",
            "orders/src/orders/pipelines/data_science/pipeline.py": """\
from kedro.pipeline import Node, Pipeline
from .nodes import evaluate_model, train_model
def create_pipeline(**kwargs) -> Pipeline:
    return Pipeline(
        [
            Node(train_model, inputs="train", outputs="classifier"),
            Node(evaluate_model, inputs=["classifier", "test"], outputs="metrics"),
        ]
    )
""",
        },
        (("kedro", "run"),),
        ("kedro", "new", "--name=orders", "--tools=none", "--example=n", "--telemetry=no"),
        "orders",
    ),
}  # fmt: skip


def write_parts(place: Path) -> None:
    """Write `train.csv` and `test.csv`, drawn at random.

    Numbers of orders grow: the last rows would be unlike those before them.
    """
    table(place / "orders.csv", np.random.default_rng(0))
    with (place / "orders.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]
    for name, part in (("train", rows[:TRAINING]), ("test", rows[TRAINING:])):
        with (place / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *part])


def run(words: tuple[str, ...], python: Path, folder: Path) -> None:
    """Run a program of an environment; what it prints is printed where it fails."""
    program = str(python if words[0] == "python" else python.with_name(words[0]))
    done = subprocess.run(
        [program, *words[1:]], cwd=folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, check=False,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if "accuracy" in line]
    print("\n".join(said[-3:]) if done.returncode == 0 else done.stdout[-2000:])
    done.check_returncode()


def main(project: str = "", python: str = sys.executable) -> int:
    """Run it and say what came of it; returns the exit code."""
    if project not in QUICK_STARTS:
        print(f"PROJECT is one of {', '.join(QUICK_STARTS)}")
        return 2
    start = QUICK_STARTS[project]
    known = subprocess.run([python, "-c", f"import {start.module}"], capture_output=True)
    if known.returncode:
        print(f"skipped: {python} has no {start.module}; see the head of this module")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        place, program = Path(temporary), Path(python).absolute()
        write_parts(place)
        if start.given:
            run(start.given, program, place)
        for name, text in start.files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")
        begun = time.monotonic()
        for words in start.commands:
            run(words, program, place / start.folder)
        print(f"{project}: {start.lines} lines, {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
