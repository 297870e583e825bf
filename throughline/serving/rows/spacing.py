"""Rows of a request that do not lie one step of the training's grid apart are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.rows import clock


class Order:
    """The order that rows must have: the oldest first, each one step after the one before.

    Args:
        window: the metadata's entry `window`.
    """

    def __init__(self, window: Mapping[str, Any]) -> None:
        self._zone = window["index"].get("zone")
        self._grid: Mapping[str, Any] = window["grid"]
        self._every = window["every"]
        # Rows that were resampled for the training lie anywhere in their steps, others do not.
        self._exact = window.get("resample", "unknown") is None

    def windows(self, wall: np.ndarray) -> None:
        """Refuse windows whose rows are not one step apart, and say which way they are wrong.

        Args:
            wall: seconds of the wall clock, (windows, length).

        Raises:
            BadRequest: names the first row that is wrong.
        """
        starts = np.zeros(wall.shape, dtype=bool)
        starts[:, 0] = True
        moments = clock.utc(wall.ravel(), self._zone, starts.ravel())
        steps, _ = clock.steps(moments, self._grid)
        self.on_grid(wall.ravel(), moments, steps, starts.ravel(), wall.shape[1])
        self.in_steps(wall.ravel(), steps, starts.ravel(), wall.shape[1])

    def on_grid(
        self,
        wall: np.ndarray,
        moments: np.ndarray,
        steps: np.ndarray,
        starts: np.ndarray,
        length: int = 0,
    ) -> None:
        """Refuse rows that lie off the others' places in their steps."""
        if not self._exact:
            return
        into = moments - clock.moments_of(steps, self._grid)
        self._refuse(wall, steps, (np.diff(into) != 0) & ~starts[1:], length)

    def in_steps(
        self,
        wall: np.ndarray,
        steps: np.ndarray,
        starts: np.ndarray,
        length: int,
        origin: np.ndarray | None = None,
    ) -> None:
        """Refuse rows that are not one step after the one before, but for those that start a run.

        Args:
            wall: seconds of the wall clock.
            steps: the step of each row.
            starts: whether a row has none before it.
            length: rows of a window; 0 where rows lie one below the other.
            origin: the place of each row among those that were given. Default: its own.
        """
        self._refuse(wall, steps, (np.diff(steps) != 1) & ~starts[1:], length, origin)

    def _refuse(
        self,
        wall: np.ndarray,
        steps: np.ndarray,
        wrong: np.ndarray,
        length: int,
        origin: np.ndarray | None = None,
    ) -> None:
        """Say which row comes too early or too late, if one does; windows are `length` rows."""
        if not wrong.any():
            return
        at = int(np.flatnonzero(wrong)[0])
        older, newer = (str(np.datetime64(int(wall[row]), "s")) for row in (at, at + 1))
        place = at + 1 if origin is None else int(origin[at + 1])
        row = f"Window {place // length + 1}, row {place % length + 1}" if length else None
        found = f"{row or f'Row {place + 1}'} at {newer} comes after {older}"
        if (np.diff(steps)[wrong] == -1).all():
            raise BadRequest(
                f"Rows must be in order, the oldest first. Received: the newest first. {found}."
            )
        raise BadRequest(
            f"Rows must be in order, the oldest first, each {self._every} after the one before, "
            f"without gaps. {found}."
        )
