"""`python -m benchmarks.scale`: what more rows, columns, levels and texts cost, beside a script.

Ours are the stages `ingest`, `validate` and `prepare` on a CSV file, in one process; the script
brings by pandas and scikit-learn what they bring: the rows in Parquet, what equal rows there are,
range, mean and deciles of each column, both parts in Parquet, and the arrays of fitted
transformers. It looks for no leak, which ours do. On the axis `predict` ours is the command on a
CSV file, and the script reads it by pandas, asks onnxruntime and writes CSV. Each side runs in a
process of its own, whose processor time and peak memory are taken, of imports too. The exponent is
that of the time from one size to the next, less what the smallest took.

    python -m benchmarks.scale [rows|columns|levels|texts|predict ...] [--most N]
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

SIZES = {
    "rows": (10_000, 100_000, 1_000_000),
    "columns": (30, 300, 1_000, 5_000),
    "levels": (10, 100, 1_000, 10_000),
    "texts": (1_000, 10_000, 100_000, 1_000_000),
    "predict": (10_000, 100_000, 1_000_000),
}
MODEL = "models/size/model.onnx"
# Rows where columns or levels grow, and columns where rows do.
ROWS, LEVEL_ROWS, COLUMNS = 2_000, 100_000, 30
WORDS, WORDS_A_TEXT, VOCABULARY = 20_000, 9, 3_000


class Cost(NamedTuple):
    """Processor seconds and peak memory of a process, in GB."""

    seconds: float
    memory: float


def main(arguments: list[str]) -> None:
    """Print a line for each size of each axis."""
    most = math.inf
    if "--most" in arguments:
        place = arguments.index("--most")
        most = int(arguments[place + 1])
        arguments = arguments[:place] + arguments[place + 2 :]
    print(f"{'axis':8} {'size':>9} {'seconds':>8} {'script':>7} {'GB':>6} {'script':>6} exponent")
    for axis in arguments or SIZES:
        before: list[tuple[int, float]] = []
        for size in SIZES[axis]:
            if size > most:
                continue
            ours, script = measured(axis, size)
            before.append((size, ours.seconds))
            print(
                f"{axis:8} {size:9} {ours.seconds:8.1f} {script.seconds:7.1f} {ours.memory:6.2f} "
                f"{script.memory:6.2f} {exponent(before)}",
                flush=True,
            )


def exponent(found: list[tuple[int, float]]) -> str:
    """That of the last step, where the smallest size stands for what any size costs."""
    if len(found) < 3:
        return ""
    fixed = found[0][1]
    (size, seconds), (larger, more) = found[-2:]
    if seconds <= fixed or more <= fixed:
        return "0"
    return f"{math.log((more - fixed) / (seconds - fixed)) / math.log(larger / size):.2f}"


def measured(axis: str, size: int) -> tuple[Cost, Cost]:
    """What ours and the script cost on a file of that size."""
    with TemporaryDirectory() as folder:
        # Not here: a process is said to have the peak of the one that began it.
        cost("write", axis, size, folder)
        return cost("ours", axis, folder), cost("script", axis, folder)


def cost(side: str, *arguments: object) -> Cost:
    """Run one side in a process of its own."""
    code = f"from benchmarks import scale; scale.{side}(*{arguments!r})"
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{side} ended with {status} on {arguments[0]}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6)


def write(axis: str, size: int, where: str) -> None:
    """A table, and the pipeline file of it; a model, too, where rows are to be answered."""
    import pandas as pd
    import yaml

    from throughline.stages.wire import wire

    folder = Path(where)
    generator = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    rows = {"rows": size, "columns": ROWS, "levels": LEVEL_ROWS}.get(axis, size)
    if axis in ("rows", "columns", "predict"):
        count = size if axis == "columns" else COLUMNS
        numbers = generator.normal(size=(rows, count)).round(4)
        frame = pd.DataFrame(numbers, columns=[f"x{i}" for i in range(count)])
        columns = {name: {"scale": "standard"} for name in frame.columns}
    elif axis == "levels":
        level = generator.integers(0, size, rows)
        frame = pd.DataFrame({"level": [f"level {number}" for number in level]})
        columns = {"level": {"encode": "target"}}
    else:
        words = np.array([f"word{number}" for number in range(WORDS)])
        shares = 1 / np.arange(1, WORDS + 1)
        drawn = generator.choice(WORDS, (rows, WORDS_A_TEXT), p=shares / shares.sum())
        frame = pd.DataFrame({"text": [" ".join(row) for row in words[drawn]]})
        columns = {"text": {"text": {"vocabulary": VOCABULARY, "encode": "tf-idf"}}}
    frame["y"] = generator.integers(0, 2, rows)
    frame.head(ROWS if axis == "predict" else rows).to_csv(folder / "rows.csv", index=False)
    document = {
        "title": "Size",
        "task": "binary",
        "source": {"file": "rows.csv"},
        "target": "y",
        "columns": columns,
        "split": {"test": 0.2},
    }
    path = folder / "pipelines" / "size" / "pipeline.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    shutil.copy("params.yaml", folder)
    wire(folder, ["size"])
    if axis == "predict":
        run(folder, "ingest", "validate", "prepare", "cross_validate", "train", "export")
        frame.drop(columns="y").to_csv(folder / "asked.csv", index=False)


def run(folder: Path, *stages: str) -> None:
    from throughline.stages.run import run_stage

    for stage in stages:
        run_stage(stage, "size", folder)


def ours(axis: str, folder: str) -> None:
    """The stages up to the training arrays, or the answers to rows."""
    if axis == "predict":
        files = [f"{folder}/{name}" for name in (MODEL, "asked.csv", "answers.csv")]
        command = [sys.executable, "-m", "throughline", "predict", *files[:2], "-o", files[2]]
        os.execv(sys.executable, command)
    run(Path(folder), "ingest", "validate", "prepare")


def script(axis: str, folder: str) -> None:
    """What a person writes: pandas, scikit-learn, NumPy."""
    import pandas as pd
    from sklearn import feature_extraction, model_selection, preprocessing

    here = Path(folder)
    if axis == "predict":
        answered_by_script(here)
        return
    frame = pd.read_csv(here / "rows.csv")
    frame.to_parquet(here / "raw.parquet")
    frame.duplicated().sum()
    frame.describe(percentiles=np.linspace(0, 1, 11)).to_json(here / "columns.json")
    target = frame.pop("y").to_numpy()
    known, held, answers, _ = model_selection.train_test_split(
        frame, target, test_size=0.2, random_state=0
    )
    if axis == "levels":
        features = preprocessing.TargetEncoder(random_state=0).fit_transform(known, answers)
    elif axis == "texts":
        texts = feature_extraction.text.TfidfVectorizer(max_features=VOCABULARY)
        features = texts.fit_transform(known["text"]).data
    else:
        features = preprocessing.StandardScaler().fit_transform(known)
    np.save(here / "features.npy", features)
    np.save(here / "target.npy", answers)
    known.to_parquet(here / "known.parquet")
    held.to_parquet(here / "held.parquet")


def answered_by_script(here: Path) -> None:
    import onnxruntime
    import pandas as pd

    frame = pd.read_csv(here / "asked.csv")
    session = onnxruntime.InferenceSession(str(here / MODEL))
    feed = {each.name: frame[[each.name]].to_numpy(np.float32) for each in session.get_inputs()}
    names = [each.name for each in session.get_outputs()]
    parts = [
        session.run(names, {name: values[start : start + 10_000] for name, values in feed.items()})
        for start in range(0, len(frame), 10_000)
    ]
    answers = {
        name: np.concatenate([part[place] for part in parts]).reshape(len(frame), -1)[:, -1]
        for place, name in enumerate(names)
    }
    pd.DataFrame(answers).to_csv(here / "script.csv", index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
