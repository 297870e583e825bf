"""What a model may expect of each raw column: its kind, unit, and statistics of training rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.preprocessing.columns import image
from throughline.preprocessing.columns.looks import looks
from throughline.preprocessing.plan import Plan, Planned

if TYPE_CHECKING:
    import pandas as pd

# Encodings that have something to give for a value that is missing.
LOOKED_UP = ("target", "frequency", "hash", "ids")


def contract(rows: pd.DataFrame, plan: Plan) -> list[dict[str, Any]]:
    """The contract of every raw column that the graph takes, for prepared.json and the metadata.

    Args:
        rows: training rows.
        plan: which of their columns become features.
    """
    planned = [each for columns in plan.inputs.values() for each in columns]
    return [
        {"name": name, "type": kind, **_described(rows[name], kind, list(_users(name, planned)))}
        for name, kind in plan.raw.items()
    ]


def _users(name: str, planned: Iterable[Planned]) -> Iterable[Planned]:
    """The planned columns that are made from a raw column."""
    for each in planned:
        if name in (each.column.derive.of if each.column.derive else [each.name]):
            yield each


def _described(values: pd.Series, kind: str, users: list[Planned]) -> dict[str, Any]:
    own = next((user.column for user in users if user.column.derive is None), None)
    entry: dict[str, Any] = {
        "unit": own.unit if own else "",
        "missing": round(float(values.isna().mean()), 6),
        # A text without a token is a row of zeros, and a level that is not there an unknown one.
        "may_be_missing": all(
            user.column.impute is not None
            or user.column.text is not None
            or (user.column.encode is not None and user.column.encode.kind in LOOKED_UP)
            or (user.column.derive is not None and user.column.derive.kind == "matches")
            for user in users
        ),
    }
    if kind == "number":
        return entry | _statistics(values.dropna().to_numpy(dtype=np.float64))
    if kind == "image":
        assert own is not None and own.image is not None
        framing = {} if own.image.framing is None else {"fit": own.image.framing}
        fixed = {"fixed_size": own.image.size is None}
        first = own.image.filters[0].spectrogram if own.image.filters else None
        heard = {} if first is None else {"rate": first.rate}
        sample = image.sampled(values)
        # What drift compares: of each picture or sound some numbers.
        each = [looks(one, first is not None) for one in sample]
        told = {name: _statistics(np.array([found[name] for found in each])) for name in each[0]}
        seen = {"looks": told, "looked_at": len(sample)}
        return entry | fixed | framing | heard | seen | image.described(sample, own.image)
    encode = own.encode if own else None
    if kind == "string" and encode is not None:
        shares = values.dropna().astype(str).value_counts(normalize=True).sort_index()
        entry["categories"] = {str(k): round(float(v), 6) for k, v in shares.items()}
        entry["closed"] = encode.kind == "ordinal"
    return entry


def _statistics(present: np.ndarray) -> dict[str, Any]:
    """Range, mean, sd and the distribution function at the deciles of training values.

    Equal deciles are said once; `at_or_below` is the exact share of training values up to each.
    """
    if not len(present):
        return dict.fromkeys(("min", "max", "mean", "sd")) | {"deciles": [], "at_or_below": []}
    deciles = np.unique(np.quantile(present, np.linspace(0, 1, 11)))
    reached = np.searchsorted(np.sort(present), deciles, side="right") / len(present)
    return {
        "min": float(present.min()),
        "max": float(present.max()),
        "mean": float(present.mean()),
        "sd": float(present.std()),
        "deciles": deciles.tolist(),
        "at_or_below": [round(float(share), 6) for share in reached],
    }
