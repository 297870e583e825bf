"""Where a classifier of two numbers changes its mind: its answers over a grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.evaluation.outcome import Outcome
from throughline.evaluation.raw_rows import Rows, answers
from throughline.evaluation.row_parts import Parts
from throughline.evaluation.window_parts import SeriesParts
from throughline.report.chart import Chart, bounds
from throughline.report.picture import data_address

if TYPE_CHECKING:
    from markupsafe import Markup

GRID = 101
MOST_POINTS = 500
# One colour a class, told apart by those who see no red or green (Wong 2011).
COLOURS = np.array(
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [230, 159, 0]]
)
PALEST = 0.12


def decision_boundary(model: Path, parts: Parts | SeriesParts, outcome: Outcome) -> Markup | None:
    """The decision boundary as SVG; None for a model that does not classify by two numbers.

    Args:
        model: the ONNX file.
        parts: the rows of its branch.
        outcome: its answers, for the dots on top.
    """
    plottable = outcome.task in ("binary", "multiclass") and len(outcome.names) <= len(COLOURS)
    plane = parts.plane() if plottable else None
    if plane is None:
        return None
    numeric, points = plane
    known = np.isfinite(points).all(axis=1)
    if not known.any():
        return None
    across, up = bounds(points[known, 0].tolist()), bounds(points[known, 1].tolist())
    chart = Chart(
        across, up, numeric[0], numeric[1], f"Decision boundary over {numeric[0]} and {numeric[1]}"
    )
    chart.image(_answers(model, numeric, across, up, outcome.task))
    for position, name in enumerate(outcome.names):
        mine = points[known & (outcome.actual == position)][:MOST_POINTS]
        chart.dots([(x, y) for x, y in mine.tolist()], f"class{position}", 2.6, name)
    return chart.svg()


def _answers(
    model: Path,
    names: list[str],
    across: tuple[float, float],
    up: tuple[float, float],
    task: str,
) -> str:
    """The probabilities over the grid as a picture: the surer, the stronger the class's colour."""
    x, y = np.meshgrid(np.linspace(*across, GRID), np.linspace(*up, GRID)[::-1])
    rows = Rows({names[0]: x.reshape(-1), names[1]: y.reshape(-1)}, GRID * GRID)
    found = answers(model, rows)
    if task == "binary":
        positive = found["probability"].reshape(-1).astype(np.float64)
        probabilities = np.column_stack([1 - positive, positive])
    else:
        probabilities = found["probabilities"].astype(np.float64)
    chosen, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    least = 1 / probabilities.shape[1]
    # Sixteen steps, so that the last bits of a probability change no pixel.
    strength = np.round((surest - least) / (1 - least) * 16) / 16 * 0.5 + PALEST
    colours = 255 - (255 - COLOURS[chosen]) * strength[:, None]
    return data_address(colours.round().astype(np.uint8).reshape(GRID, GRID, 3))
