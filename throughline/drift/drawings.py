"""How the new values of a column lie beside those of its training rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.report.plots import bars, histogram

if TYPE_CHECKING:
    from markupsafe import Markup

# Levels and columns that are drawn.
MOST_LEVELS, MOST_DRAWN = 15, 40


def drawn(entry: Mapping[str, Any], values: np.ndarray[Any, Any]) -> Markup | None:
    """Shares of the new rows as bars, those of the training rows as outlines.

    A number's parts are the deciles of the training, which is all that a model keeps of it; what
    lies outside them is counted in the first and the last.

    Args:
        entry: a column as `inputs` of the model's metadata describe it.
        values: new ones, None where missing.
    """
    present = [value for value in values if value is not None]
    alt = f"{entry['name']}: new rows beside training rows"
    if not present:
        return None
    if entry.get("categories"):
        known = entry["categories"]
        counts = Counter(map(str, present))
        levels = sorted({*known, *counts}, key=lambda n: -max(known.get(n, 0), counts[n]))
        levels = levels[:MOST_LEVELS]
        shares = [(name, counts[name] / len(present)) for name in levels]
        return bars(shares, "share of the rows", alt, [known.get(n, 0.0) for n in levels]).svg()
    edges = np.asarray(entry.get("deciles") or (), dtype=float)
    if len(edges) < 3:
        return None
    # The share up to the smallest training value belongs to the first part.
    trained = np.diff([0.0, *entry["at_or_below"][1:]])
    inside = np.clip(np.array(present, dtype=float), edges[0], edges[-1])
    cells = np.searchsorted(edges[1:-1], inside, side="left")
    new = np.bincount(cells, minlength=len(edges) - 1) / len(present)
    unit = f" ({entry['unit']})" if entry.get("unit") else ""
    return histogram(
        new.tolist(), edges.tolist(), f"{entry['name']}{unit}", alt, trained.tolist(), "share"
    ).svg()
