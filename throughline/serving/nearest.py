"""The training pictures that a network finds most alike to a new one."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor

# What stage `export` writes beside a model with a frozen network.
GRAPH, FEATURES, ROWS = "features.onnx", "features.npy", "rows.csv"
# Stored pictures that are compared at once.
BLOCK = 4096


class Nearest:
    """Finds stored pictures by the Euclidean distance of their features.

    Args:
        folder: `models/NAME/nearest`.

    Raises:
        BadRequest: it is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        for name in (GRAPH, FEATURES, ROWS):
            if not (folder / name).is_file():
                raise BadRequest(
                    f"'{folder}' must hold {name}. It is written for pipelines whose pictures go "
                    "through a frozen network."
                )
        self.predictor = Predictor(folder / GRAPH)
        self._features = np.load(folder / FEATURES, mmap_mode="r", allow_pickle=False)
        with (folder / ROWS).open(newline="", encoding="utf-8") as file:
            self.rows: list[dict[str, str]] = list(csv.DictReader(file))

    def find(self, pixels: np.ndarray, count: int) -> list[dict[str, Any]]:
        """The nearest stored pictures, the nearest first.

        Args:
            pixels: uint8 (1, height, width, channels).
            count: how many.

        Returns:
            for each its row, with `distance`.
        """
        (name,) = self.predictor.inputs
        (output,) = self.predictor.outputs
        wanted = self.predictor.predict({name: pixels})[output].reshape(-1)
        distances = np.concatenate(
            [
                np.linalg.norm(block.reshape(len(block), -1) - wanted, axis=1)
                for block in np.array_split(self._features, -(-len(self._features) // BLOCK))
            ]
        )
        best = np.argsort(distances, kind="stable")[:count]
        return [{**self.rows[place], "distance": float(distances[place])} for place in best]
