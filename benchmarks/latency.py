"""`python -m benchmarks.latency NAME`: how long `model.onnx` takes to answer raw rows.

The files in smaller precisions follow the model itself. Kept out of the stages, whose outputs
repeat byte for byte. Both sides run in one process and in
turns: the runtime alone on arrays that fit already, and the predictor that checks and converts
raw columns first.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from throughline.paths import Workspace, needed

BATCHES = (1, 32, 1024)
ROUNDS = 200
WARM_UP = 5
# The checking and converting of one row must stay below so many milliseconds.
BUDGET = 5.0


def main(arguments: list[str] | None = None) -> int:
    """Print a table of latencies; returns 1 when one row takes longer than the budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="pipelines whose model is built")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args(arguments)
    print(f"{'model':24}{'rows':>6}{'predictor':>22}{'runtime alone':>22}{'ratio':>8}")
    print(f"{'':30}{'median / p95 ms':>22}{'median / p95 ms':>22}")
    slow = False
    for name in chosen.names:
        workspace = Workspace(Path(), name)
        for model in (workspace.model, *sorted(workspace.precisions.glob("*.onnx"))):
            title = name if model == workspace.model else f"  {model.stem}"
            for batch, predictor, runtime in measured(workspace, model, chosen.rounds):
                ratio = predictor[0] / runtime[0]
                pairs = "".join(f"{m:>13.3f} /{p:>7.3f}" for m, p in (predictor, runtime))
                print(f"{title:24}{batch:>6}{pairs}{ratio:>8.1f}")
                slow |= batch == 1 and predictor[0] > BUDGET
    return int(slow)


def measured(
    workspace: Workspace, model: Path, rounds: int
) -> list[tuple[int, tuple[float, float], tuple[float, float]]]:
    """Median and 95th percentile in milliseconds for each batch size, predictor and runtime.

    Args:
        workspace: of a pipeline with prepared rows.
        model: its file, in any precision.
        rounds: calls for each batch size.
    """
    from throughline.evaluation.raw_rows import read_rows
    from throughline.serving.predictor import Predictor

    predictor = Predictor(needed(model, "export"))
    rows = read_rows(needed(workspace.training_data / "main" / "rows.parquet", "prepare"))
    session = _session(model)
    results = []
    for batch in BATCHES:
        chosen = np.resize(np.arange(rows.count), batch)
        columns = {key: rows.columns[key][chosen] for key in predictor.inputs}
        feed = {each.name: _fitting(columns[each.name], each.type) for each in session.get_inputs()}
        calls: list[Callable[[], Any]] = [
            lambda columns=columns: predictor.predict(columns),  # type: ignore[misc]
            lambda feed=feed: session.run(None, feed),  # type: ignore[misc]
        ]
        times = _in_turns(calls, rounds)
        results.append((batch, times[0], times[1]))
    return results


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


def _fitting(column: np.ndarray, kind: str) -> np.ndarray:
    if kind == "tensor(string)":
        return np.array([str(value) for value in column], dtype=object)[:, None]
    return column.astype(np.bool_ if kind == "tensor(bool)" else np.float32)[:, None]


def _in_turns(calls: list[Callable[[], Any]], rounds: int) -> list[tuple[float, float]]:
    taken: list[list[float]] = [[] for _ in calls]
    for turn in range(WARM_UP + rounds):
        for call, times in zip(calls, taken, strict=True):
            start = time.perf_counter()
            call()
            if turn >= WARM_UP:
                times.append(1000 * (time.perf_counter() - start))
    return [(float(np.median(t)), float(np.quantile(t, 0.95))) for t in taken]


if __name__ == "__main__":
    sys.exit(main())
