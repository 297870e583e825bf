"""The texts' debug list, for a model that does not beat its trivial baseline.

"If the model does not beat the trivial baseline, one of these is wrong": last-layer activation,
loss function, optimizer and learning rate, scaling of the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throughline.pipeline.problem import PROBLEMS

TRY = {
    "optimizer": "a learning rate ten times lower and ten times higher; more epochs",
    "scaling": "about 0 with a spread of about 1: scale: standard, or encode for categories",
}


def debug_list(
    task: str, trivial: Mapping[str, Any], used: Mapping[str, str] | None
) -> list[dict[str, str]]:
    """What to look at, in order.

    Args:
        task: the problem type.
        trivial: the comparison with its trivial baseline.
        used: what the pipeline uses for each item; without it the list still stands.

    Returns:
        For each item what it should be and what is used; empty for a model that is better than
        its baseline with an interval that excludes 0.
    """
    if trivial["difference"]["verdict"] == "better":
        return []
    expected = {
        "last layer": f"Dense, {PROBLEMS[task].activation}",
        "loss": PROBLEMS[task].loss,
        **TRY,
    }
    used = used or {}
    return [
        {"item": item, "expected": text, "used": used.get(item, "")}
        for item, text in expected.items()
    ]
