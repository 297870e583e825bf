"""A repository of this project's own code with one small pipeline, whose source can change."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import yaml

from tests.repositories import PARAMETERS

PROJECT = Path(__file__).resolve().parents[2]
CODE = ("flows", "tasks", "locks", ".dvcignore", ".gitignore")
NAME = "shop"
FEATURES = [f"x{number}" for number in range(1, 21)]
# Many columns and little data to train on: a model of few rows is clearly worse than one of many.
PIPELINE = {
    "title": "Does it sell?",
    "task": "binary",
    "source": {"file": "feed/shop.csv"},
    "target": "bought",
    "columns": {name: {"scale": "standard"} for name in FEATURES},
    "expectations": {
        "rules": [{"expect_column_values_to_be_in_set": {"column": "bought", "value_set": [0, 1]}}]
    },
    "split": {"test": 0.8, "stratify": "bought", "seed": 0, "guards": {"duplicates": "off"}},
    "network": [],
    "training": {"optimizer": {"Adam": {"learning_rate": 0.05}}, "epochs": 60},
    "export": {"precisions": ["float16"], "tolerance": 0.1},
    "compare": ["majority"],
    "gates": {"beat": "majority"},
}


def create(root: Path) -> Path:
    """A git and DVC repository at `root` in which nothing has run yet."""
    for name in CODE:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / name)
    add_pipeline(root, NAME, PIPELINE)
    write(root / "params.yaml", PARAMETERS)
    write(root / ".dvc/config", "[core]\n    analytics = false\n    check_update = false\n")
    write(root / ".dvc/.gitignore", "/tmp\n/cache\n/config.local\n")
    with (root / ".gitignore").open("a") as file:
        file.write("/feed/\n/built\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.email", "tester@localhost")
    git(root, "config", "user.name", "Tester")
    feed(root, 200)
    commit(root, "A shop")
    return root


def add_pipeline(root: Path, name: str, content: dict[str, object]) -> None:
    """Write a pipeline's file and DVC's stages for it."""
    from throughline.stages.wire import wire

    write(root / "pipelines" / name / "pipeline.yaml", yaml.safe_dump(content, sort_keys=False))
    wire(root, [name])


def feed(root: Path, rows: int, seed: int = 0) -> None:
    """What the source holds now: `rows` rows, other ones for each seed."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(rows, len(FEATURES)))
    weights = np.where(np.arange(len(FEATURES)) % 2, 1.0, -1.0)
    bought = values @ weights + generator.normal(0, 0.5, rows) > 0
    lines = [",".join([*FEATURES, "bought"])]
    lines += [
        ",".join([*(f"{value:.4f}" for value in row), str(int(label))])
        for row, label in zip(values, bought, strict=True)
    ]
    write(root / "feed/shop.csv", "\n".join(lines) + "\n")


def another_model(root: Path) -> None:
    """Change the pipeline so that its model is another file, without a training.

    The title stands in the model's metadata.
    """
    file = root / "pipelines" / NAME / "pipeline.yaml"
    file.write_text(file.read_text().replace("Does it sell?", "Is it bought?"))


def write(path: Path, content: str) -> None:
    """Write a text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def commit(root: Path, message: str) -> None:
    """Commit everything that git does not ignore."""
    git(root, "add", ".")
    git(root, "commit", "-qm", message)


def git(root: Path, *arguments: str) -> str:
    """What git prints."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
