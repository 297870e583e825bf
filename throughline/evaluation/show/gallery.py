"""The pictures of the report: the worst mistakes, where the model looked, what it learned first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from throughline.evaluation.outcome import Outcome
from throughline.evaluation.raw_rows import Rows
from throughline.evaluation.show.saliency import Looked
from throughline.report.picture import data_address

MOST_WRONG = 12
MOST_PAIRS = 8
MOST_FILTERS = 64
# Pixels of a side in the page; larger pictures are thinned out.
SIDE = 96


def picture_column(rows: Any) -> str | None:
    """The one column of pictures of raw rows, or None; windows and sounds have none to show."""
    columns = rows.columns if isinstance(rows, Rows) else {}
    # A sound is stored as two bytes a sample.
    names = [n for n, values in columns.items() if values.ndim == 4 and values.shape[2:] != (2, 1)]
    return names[0] if len(names) == 1 else None


def mistakes(outcome: Outcome, rows: Rows, column: str) -> dict[str, Any]:
    """The rows with the most certain wrong answers, and the pairs of classes that are confused.

    Args:
        outcome: answers to the rows.
        rows: raw rows.
        column: that of the pictures.
    """
    certainty = _certainty(outcome)
    wrong = np.flatnonzero(outcome.predicted != outcome.actual)
    order = wrong[np.argsort(-certainty[wrong], kind="stable")]
    pairs: dict[tuple[int, int], list[int]] = {}
    for row in order:
        pairs.setdefault((int(outcome.actual[row]), int(outcome.predicted[row])), []).append(row)
    frequent = sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST_PAIRS]
    return {
        "wrong": len(wrong),
        "most_wrong": [
            _described(outcome, rows, int(row), certainty) for row in order[:MOST_WRONG]
        ],
        "pairs": [
            {
                "actual": outcome.names[actual],
                "predicted": outcome.names[predicted],
                "rows": len(held),
                "example": int(held[0]),
            }
            for (actual, predicted), held in frequent
        ],
    }


def _described(outcome: Outcome, rows: Rows, row: int, certainty: np.ndarray) -> dict[str, Any]:
    entry = {
        "row": row,
        "actual": outcome.names[int(outcome.actual[row])],
        "predicted": outcome.names[int(outcome.predicted[row])],
        "probability": float(certainty[row]),
    }
    files = rows.columns.get("file")
    return entry if files is None else {**entry, "file": str(files[row])}


def _certainty(outcome: Outcome) -> np.ndarray:
    """The probability that a model gave to the class that it chose, (N,)."""
    if outcome.probabilities is None:
        return np.ones(len(outcome))
    rows = np.arange(len(outcome))
    return np.asarray(outcome.probabilities[rows, outcome.predicted.astype(np.int64)])


def drawn(
    model: Path, outcome: Outcome, rows: Rows, found: Mapping[str, Any], network: Path
) -> dict[str, Any]:
    """The pictures as `data:` addresses, for the page.

    Args:
        model: `model.onnx`.
        outcome: answers to the rows.
        rows: raw rows.
        found: of `mistakes`.
        network: the folder of `train`, which may hold samples of the augmentation.
    """
    column = picture_column(rows)
    assert column is not None
    pixels = rows.columns[column]
    looked = Looked(model)
    numbers = [entry["row"] for entry in found["most_wrong"]]
    predicted = outcome.predicted[numbers].astype(np.int64)
    maps = looked.maps(pixels[numbers], predicted) if numbers else []
    kernels, answers = looked.filters(), looked.activations(np.asarray(pixels[0]))
    return {
        "wrong": [
            (_address(pixels[row]), _address(_heated(pixels[row], heat)))
            for row, heat in zip(numbers, maps, strict=True)
        ],
        "pairs": [_address(pixels[entry["example"]]) for entry in found["pairs"]],
        "filters": [] if kernels is None else [_kernel(k) for k in kernels[:MOST_FILTERS]],
        "activations": [] if answers is None else [_plane(a) for a in answers[:MOST_FILTERS]],
        "first": _address(pixels[0]),
        "augmented": _augmented(network / "augmented.npy"),
    }


def _augmented(path: Path) -> list[list[str]]:
    """A line for each picture: itself, then what augmentation made of it."""
    if not path.exists():
        return []
    return [[_address(picture) for picture in line] for line in np.load(path, allow_pickle=False)]


def _address(picture: np.ndarray) -> str:
    return data_address(_coloured(_thinned(np.asarray(picture))))


def _coloured(picture: np.ndarray) -> np.ndarray:
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture


def _thinned(picture: np.ndarray) -> np.ndarray:
    step = -(-max(picture.shape[:2]) // SIDE)
    return picture[::step, ::step]


def _heated(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A grey picture with red where the map is high."""
    plain = _coloured(np.asarray(picture)).astype(np.float64).mean(axis=2)
    height, width = plain.shape
    rows = (np.arange(height) * heat.shape[0]) // height
    columns = (np.arange(width) * heat.shape[1]) // width
    strength = heat[rows][:, columns]
    red = plain * (1 - strength) + 255 * strength
    rest = plain * (1 - strength)
    return np.stack([red, rest, rest], axis=2).round().astype(np.uint8)


def _plane(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    span = high - low if high > low else 1.0
    return _address(((values - low) / span * 255).round().astype(np.uint8)[:, :, None])


def _kernel(kernel: np.ndarray) -> str:
    """A kernel in its own colours where it has three channels, else its mean in grey."""
    shown = kernel if kernel.shape[2] == 3 else kernel.mean(axis=2, keepdims=True)
    low, high = float(shown.min()), float(shown.max())
    span = high - low if high > low else 1.0
    return _address(((shown - low) / span * 255).round().astype(np.uint8))
