"""Curves of trained networks as event files for TensorBoard.

    python -m throughline.training.tensorboard NAME...   # all trained pipelines without a name
    tensorboard --logdir .cache/tensorboard

The curves are those of `history.csv`, so nothing has to be trained again for them, and no stage
depends on them. TensorBoard itself is not needed to write them.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
from pathlib import Path

from throughline.cache import CACHE, private
from throughline.errors import ThroughlineError
from throughline.paths import Workspace, needed, pipelines

EVENTS = CACHE / "tensorboard"


def write_events(workspace: Workspace) -> list[Path]:
    """Write the curves of every branch of a pipeline; older event files of it are replaced.

    Args:
        workspace: the pipeline, whose stage `train` has run.

    Returns:
        One folder a branch and split, `train` and `validation`, as Keras' callback lays them out.
    """
    networks = needed(workspace.networks, "train")
    folder = workspace.root / EVENTS / workspace.name
    shutil.rmtree(folder, ignore_errors=True)
    private(folder)
    written = []
    for history in sorted(networks.glob("*/history.csv")):
        written += _branch(history, folder / history.parent.name)
    return written


def _branch(history: Path, folder: Path) -> list[Path]:
    with history.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "epoch"]
    splits = {
        "train": [name for name in names if not name.startswith("val_")],
        "validation": [name for name in names if name.startswith("val_")],
    }
    for split, columns in splits.items():
        if columns:
            _write(folder / split, rows, columns)
    return [folder / split for split, columns in splits.items() if columns]


def _write(folder: Path, rows: list[dict[str, str]], columns: list[str]) -> None:
    import tensorflow as tf
    from tensorflow.core.framework.summary_pb2 import SummaryMetadata

    # What `tf.summary.scalar` writes, which needs the package tensorboard.
    kind = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    kind.data_class = 1
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for row in rows:
            for name in columns:
                tag = f"epoch_{name.removeprefix('val_')}"
                value = tf.constant(float(row[name]))
                tf.summary.write(tag, value, step=int(row["epoch"]), metadata=kind)
    writer.close()


def main(arguments: list[str] | None = None) -> int:
    """Write event files for some pipelines; 0, or 2 for a mistake."""
    parser = argparse.ArgumentParser(prog="python -m throughline.training.tensorboard")
    parser.add_argument("names", nargs="*", metavar="PIPELINE")
    names = parser.parse_args(arguments).names
    try:
        _write_all(Path(), names)
    except ThroughlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _write_all(root: Path, names: list[str]) -> None:
    for name in names or pipelines(root):
        workspace = Workspace(root, name)
        if names or workspace.networks.is_dir():
            for folder in write_events(workspace):
                print(f"wrote {folder}")


if __name__ == "__main__":
    sys.exit(main())
