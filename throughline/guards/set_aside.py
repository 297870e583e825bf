"""The guards on rows that are set aside among the training rows: to watch, or to score a fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.guards.examine import after_drops, enforce, examine_each

if TYPE_CHECKING:
    from throughline.samples.samples import Samples


# Those that see rows on both sides of a boundary; the others look at columns, or at the test part.
LOOKING = ("duplicates", "windows", "groups")
# What merely warns has warned of the test rows already.
ACTING = ("stop", "drop")


def still_apart(
    samples: Samples,
    trained: np.ndarray[Any, Any],
    held: np.ndarray[Any, Any],
    view: Any,
    place: str,
) -> np.ndarray[Any, Any]:
    """The rows that may stay set aside: those that no guard drops.

    Args:
        samples: the training side; guards look at its rows, where it has some to look at.
        trained: numbers of those that are trained on.
        held: numbers of those that are set aside.
        view: a pipeline with `columns`, `inputs`, `split`, `target`, `task`.
        place: the key that sets the rows aside, for messages.

    Raises:
        BadData: a guard whose verdict is `stop` found something, or no row is left.
    """
    from throughline.preprocessing.plan import plan

    rows = samples.guarded
    if rows is None:
        return held
    verdicts = {
        name: verdict if name in LOOKING and verdict in ACTING else "off"
        for name, verdict in view.split.guards
        if name != "grouped_by"
    }
    parts = np.full(len(rows), "gap", dtype=object)
    parts[trained] = "training"
    parts[held] = "test"
    split = view.split.model_copy(update={"guards": view.split.guards.model_copy(update=verdicts)})
    raw = plan(rows, view.columns, view.inputs, view.target.columns, samples.summary["dropped"]).raw
    columns = [name for name, kind in raw.items() if kind != "image"]
    findings = examine_each(view, rows, parts, columns, split, part_name=place)
    enforce(findings)
    left = np.flatnonzero(after_drops(parts, columns, findings)[0] == "test")
    if not len(left):
        raise BadData(
            f"The guards must leave rows that {place} sets aside",
            f"0 of {len(held)}",
            "Set a guard of split.guards from drop to warn, or bring more rows",
        )
    return left
