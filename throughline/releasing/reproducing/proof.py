"""Holding rebuilt files against the released ones: how equal they are, and where they part."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from throughline.releasing.outputs import cached, digest_of, files

IDENTICAL, CLOSE, NOISE, DIFFERENT = (
    "identical",
    "equal within tolerance",
    "within seed noise",
    "different",
)
ORDER = (IDENTICAL, CLOSE, NOISE, DIFFERENT)
# Of the largest number in a file: what threads and instruction sets change in float32.
TOLERANCE = 1e-5
METRICS = "metrics.json"


@dataclass(frozen=True)
class Finding:
    """How a rebuilt file compares with the released one."""

    stage: str
    path: str
    verdict: str
    detail: str = ""


def findings(
    root: Path,
    cache: Path,
    stages: Mapping[str, Mapping[str, str]],
    metrics: Mapping[str, Mapping[str, Any]],
) -> Iterator[Finding]:
    """Compare all outputs of a release with those below `root`, stage by stage.

    Args:
        root: where the outputs were rebuilt.
        cache: DVC's cache, which may hold the released files.
        stages: for each stage its outputs with DVC's digests.
        metrics: the released figures with their intervals; a figure inside is seed noise.
    """
    for stage, outputs in stages.items():
        for name, digest in files(cache, outputs).items():
            verdict, detail = _compared(root / name, cached(cache, digest), digest, metrics)
            yield Finding(stage, name, verdict, detail)


def _compared(
    path: Path, released: Path, digest: str, metrics: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str]:
    if not path.exists():
        return DIFFERENT, "not made"
    if digest_of(path) == digest:
        return IDENTICAL, ""
    if path.is_dir() or not released.exists():
        return DIFFERENT, "the released bytes are not in DVC's cache"
    ours, theirs = numbers(path, path.suffix), numbers(released, path.suffix)
    if ours is None or theirs is None or ours.shape != theirs.shape:
        return DIFFERENT, "other content"
    gap = _largest_gap(ours, theirs)
    if gap <= TOLERANCE:
        return CLOSE, f"numbers differ by {gap:.1e} of the largest"
    if path.name == METRICS and _inside(json.loads(path.read_text()), metrics):
        return NOISE, "all figures lie in the released intervals"
    return DIFFERENT, f"numbers differ by {gap:.1e} of the largest"


def _largest_gap(ours: np.ndarray, theirs: np.ndarray) -> float:
    if not ours.size:
        return float("inf")
    if not np.array_equal(np.isfinite(ours), np.isfinite(theirs)):
        return float("inf")
    finite = np.isfinite(ours)
    largest = max(1e-30, float(np.abs(theirs[finite]).max(initial=0.0)))
    return float(np.abs(ours[finite] - theirs[finite]).max(initial=0.0)) / largest


def _inside(ours: Mapping[str, float], released: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether every figure that has a released interval lies in it."""
    bounded = {name: figure for name, figure in released.items() if figure["low"] is not None}
    return bool(bounded) and all(
        name in ours and figure["low"] <= ours[name] <= figure["high"]
        for name, figure in bounded.items()
    )


def numbers(path: Path, kind: str) -> np.ndarray | None:
    """All numbers of a file in their order, or None for a file without such a reading."""
    readers = {
        ".npy": _of_array,
        ".json": _of_json,
        ".csv": _of_csv,
        ".onnx": _of_onnx,
        ".h5": _of_weights,
        ".parquet": _of_table,
    }
    return readers[kind](path) if kind in readers else None


def _of_array(path: Path) -> np.ndarray | None:
    array = np.load(path)
    return array.astype(np.float64).ravel() if array.dtype.kind in "biuf" else None


def _of_json(path: Path) -> np.ndarray:
    return np.array(list(_leaves(json.loads(path.read_text(encoding="utf-8")))), np.float64)


def _leaves(content: Any) -> Iterator[float]:
    if isinstance(content, Mapping):
        for key in sorted(content):
            yield from _leaves(content[key])
    elif isinstance(content, list):
        for value in content:
            yield from _leaves(value)
    elif isinstance(content, int | float):
        yield float(content)


def _of_csv(path: Path) -> np.ndarray | None:
    with path.open(newline="", encoding="utf-8") as stream:
        cells = [cell for row in list(csv.reader(stream))[1:] for cell in row]
    try:
        return np.array([float(cell or "nan") for cell in cells], np.float64)
    except ValueError:
        return None


def _of_onnx(path: Path) -> np.ndarray:
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    arrays = [numpy_helper.to_array(tensor) for tensor in graph.initializer]
    return _joined([array for array in arrays if array.dtype.kind in "biuf"])


def _of_weights(path: Path) -> np.ndarray:
    import h5py

    arrays: list[np.ndarray] = []
    with h5py.File(path) as file:
        file.visititems(
            lambda _, entry: arrays.append(entry[()]) if isinstance(entry, h5py.Dataset) else None
        )
    return _joined(arrays)


def _of_table(path: Path) -> np.ndarray:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    columns = [table[name].to_numpy(zero_copy_only=False) for name in table.column_names]
    return _joined([column for column in columns if column.dtype.kind in "biuf"])


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    flat = [np.asarray(array, np.float64).ravel() for array in arrays]
    return np.concatenate(flat) if flat else np.zeros(0)
