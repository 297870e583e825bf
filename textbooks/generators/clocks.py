"""Drawn clock faces, with what a script that follows their hands would read from them."""

from __future__ import annotations

from typing import Any

import numpy as np

# Lengths of the hands and of the face's radius, as shares of half the picture.
HOUR_HAND, MINUTE_HAND, FACE = 0.5, 0.85, 0.97
HOUR_WIDTH, MINUTE_WIDTH = 0.11, 0.05


def clocks(rows: int, size: int, seed: int) -> dict[str, Any]:
    """Clocks at random times.

    Args:
        rows: how many.
        size: pixels of a side.
        seed: of the times and of the small shifts of the face.

    Returns:
        `pixels` uint8 (rows, size, size), black hands on white; `hour_x`, `hour_y`, `minute_x` and
        `minute_y`, the tips of the hands from the middle of the face, right and up; their angles
        from twelve o'clock, clockwise in degrees, `hour_angle` and `minute_angle`; `hour`, 0 to 11.
    """
    generator = np.random.default_rng(seed)
    minutes = generator.integers(0, 720, rows)
    shifts = generator.uniform(-0.04, 0.04, (rows, 2))
    hour_angle, minute_angle = minutes * 0.5, (minutes % 60) * 6.0
    hour, minute = _tips(hour_angle, HOUR_HAND), _tips(minute_angle, MINUTE_HAND)
    pixels = np.stack([_drawn(size, *ends) for ends in zip(hour, minute, shifts, strict=True)])
    return {
        "pixels": pixels,
        "hour_x": hour[:, 0],
        "hour_y": hour[:, 1],
        "minute_x": minute[:, 0],
        "minute_y": minute[:, 1],
        "hour_angle": hour_angle,
        "minute_angle": minute_angle,
        "hour": minutes // 60,
    }


def _tips(angles: np.ndarray, length: float) -> np.ndarray:
    radians = np.deg2rad(angles)
    return length * np.stack([np.sin(radians), np.cos(radians)], axis=1)


def _drawn(size: int, hour: np.ndarray, minute: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """One face; grey at the edges of lines, as a drawing program makes them."""
    steps = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(steps - shift[0], -steps - shift[1])
    ink = np.maximum(_hand(x, y, hour, HOUR_WIDTH, size), _hand(x, y, minute, MINUTE_WIDTH, size))
    rim = np.clip(1 - np.abs(np.hypot(x, y) - FACE) * size / 2, 0, 1)
    face: np.ndarray = np.round(255 * (1 - np.maximum(ink, rim))).astype(np.uint8)
    return face


def _hand(x: np.ndarray, y: np.ndarray, tip: np.ndarray, width: float, size: int) -> np.ndarray:
    """How black each pixel is: by its distance to the line from the middle to the tip."""
    along = np.clip((x * tip[0] + y * tip[1]) / (tip @ tip), 0, 1)
    distance = np.hypot(x - along * tip[0], y - along * tip[1])
    black: np.ndarray = np.clip((width - distance) * size / 2 + 0.5, 0, 1)
    return black
