"""How far new values of a column lie from what its training rows held."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# A share of nothing would make the logarithm infinite.
SMALLEST_SHARE = 1e-4


@dataclass(frozen=True)
class Limits:
    """From where on a column has drifted; the usual bounds of practice.

    Attributes:
        psi: population stability index: below 0.1 little, beyond 0.25 a change of population.
        distance: of Kolmogorov and Smirnov, 0 to 1.
        unknown: share of values that training never saw.
        missing: difference in the share of missing values.
    """

    psi: float = 0.25
    distance: float = 0.2
    unknown: float = 0.01
    missing: float = 0.05


@dataclass(frozen=True)
class Drift:
    """One column of new rows against training."""

    column: str
    measures: Mapping[str, float]
    beyond: tuple[str, ...]
    note: str = ""


def drift_of(entry: Mapping[str, Any], values: np.ndarray[Any, Any], limits: Limits) -> Drift:
    """The drift of one column.

    Args:
        entry: the column as `inputs` of the model's metadata describe it: `deciles` with the share
            of training rows at or below each, or `categories` with shares, and `missing`.
        values: [rows] new values; None or NaN where missing.
        limits: from where on it counts.
    """
    absent = np.array([value is None or value != value for value in values], dtype=bool)
    share = float(absent.mean()) if len(values) else 0.0
    measures = {"missing": abs(share - float(entry.get("missing", 0.0)))}
    present = values[~absent]
    if len(present) and entry.get("deciles"):
        measures |= _of_numbers(entry["deciles"], entry["at_or_below"], present.astype(float))
    elif len(present) and entry.get("categories"):
        measures |= _of_categories(entry["categories"], [str(value) for value in present])
    beyond = tuple(name for name, value in measures.items() if value > getattr(limits, name))
    rounded = {name: round(value, 6) for name, value in measures.items()}
    return Drift(str(entry["name"]), rounded, beyond)


def _of_numbers(
    deciles: Sequence[float], at_or_below: Sequence[float], values: np.ndarray[Any, Any]
) -> dict[str, float]:
    """PSI over the training deciles, and the largest distance of the distribution functions.

    The distance is taken at the deciles, which is all that a model keeps of its training rows, so
    it is a lower bound of the distance of Kolmogorov and Smirnov.
    """
    edges, reached = np.asarray(deciles, dtype=float), np.asarray(at_or_below, dtype=float)
    values = np.sort(values)
    new = np.searchsorted(values, edges, side="right") / len(values)
    trained = np.diff(np.concatenate([[0.0], reached, [1.0]]))
    found = np.diff(np.concatenate([[0.0], new, [1.0]]))
    return {"psi": psi(trained, found), "distance": float(np.abs(new - reached).max())}


def _of_categories(categories: Mapping[str, float], values: Sequence[str]) -> dict[str, float]:
    names = list(categories)
    counts = dict.fromkeys(names, 0)
    unknown = 0
    for value in values:
        if value in counts:
            counts[value] += 1
        else:
            unknown += 1
    trained = np.array([*(categories[name] for name in names), 0.0])
    found = np.array([*(counts[name] for name in names), unknown]) / len(values)
    return {"psi": psi(trained, found), "unknown": unknown / len(values)}


def psi(trained: np.ndarray[Any, Any], found: np.ndarray[Any, Any]) -> float:
    """The population stability index of two sets of shares.

    Source: Siddiqi (2006), Credit Risk Scorecards; it is the symmetric Kullback-Leibler divergence.
    """
    a, b = np.maximum(trained, SMALLEST_SHARE), np.maximum(found, SMALLEST_SHARE)
    return math.fsum((b - a) * np.log(b / a))
