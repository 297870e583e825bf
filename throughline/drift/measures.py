"""How far new values of a column lie from what its training rows held, and whether that is chance.

A table of unchanged rows is called drifted in `Limits.alarm` of all cases, however few the rows and
however many the columns; `python -m benchmarks.drift` counts that, and what is found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

# What every cell is given beside its rows, so that an empty one has a logarithm.
SMOOTHING = 0.5
# Categories of which training had fewer rows, or as few are expected, are one together. Those that
# it had 5 of by chance have fewer in truth: with 5 for 20, 200 unchanged ones drift in every second
# case.
FEWEST_EXPECTED = 20.0
# In widths of the training's range. A random walk goes so far in as many steps as the training had
# once in 10⁵; what lies farther is no chance, however long the series remembers.
FAR = 3.0
# Training rows that know nothing of each other, below which a series cannot be told from a random
# walk, which has no range to leave. Of walks of 200, 1,000 and 5,000 rows 1 % seem to hold more; as
# with the coefficient of Dickey and Fuller (1979), Journal of the American Statistical Association
# 74, that does not depend on their length.
FEWEST_INDEPENDENT = 11.0


@dataclass(frozen=True)
class Limits:
    """From where on a column has drifted: it must be no chance, and no trifle.

    Attributes:
        alarm: share of tables of unchanged rows in which any column is called drifted.
        psi: population stability index, below which a change is a trifle however certain; 0.1 is a
            change that practice calls small, 0.25 a change of population.
        distance: of Kolmogorov and Smirnov, 0 to 1.
        outside: share of values below or above all of training.
        unknown: share of values that training never saw.
        missing: difference in the share of missing values.
    """

    alarm: float = 0.01
    psi: float = 0.02
    distance: float = 0.05
    outside: float = 0.002
    unknown: float = 0.002
    missing: float = 0.01


MEASURES = ("psi", "distance", "outside", "unknown", "missing")


@dataclass(frozen=True)
class Drift:
    """One column of new rows against training.

    Attributes:
        column: its name.
        measures: how far it lies from training.
        chances: how often unchanged rows lie as far, for each measure.
        beyond: the measures by which it has drifted.
        note: why a column is not judged; empty where it is.
    """

    column: str
    measures: Mapping[str, float]
    chances: Mapping[str, float]
    beyond: tuple[str, ...] = ()
    note: str = ""


def drifts(
    entries: Sequence[Mapping[str, Any]],
    columns: Sequence[np.ndarray[Any, Any]],
    limits: Limits,
    trained: int | None = None,
) -> list[Drift]:
    """The drift of every column, with the chance of a false alarm shared among all of them.

    Rows of a series lean on their neighbours: where `memory` rows tell as much as one, both sides
    count as so many fewer. Where the training rows then are fewer than `FEWEST_INDEPENDENT`, the
    series wanders: only its missing values and another unit are told. Sources: Holm (1979), A
    simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6; Rao
    and Scott (1981), The analysis of categorical data from complex sample surveys, Journal of the
    American Statistical Association 76.

    Args:
        entries: the columns as `inputs` of the model's metadata describe them: `deciles` with the
            share of training rows at or below each, or `categories` with shares, `missing`, and
            of series `memory`; `rows`, where fewer than `trained` were looked at.
        columns: for each [rows] new values; None or NaN where missing.
        limits: from where on it counts.
        trained: training rows. Default: as many as there are new rows.
    """
    found = [
        _measured(entry, values, entry.get("rows") or trained or len(values))
        for entry, values in zip(entries, columns, strict=True)
    ]
    tests = [(chance, i, name) for i, d in enumerate(found) for name, chance in d.chances.items()]
    certain: set[tuple[int, str]] = set()
    for place, (chance, i, name) in enumerate(sorted(tests)):
        if chance > limits.alarm / (len(tests) - place):
            break
        certain.add((i, name))
    return [
        replace(
            drift,
            beyond=tuple(
                name
                for name, value in drift.measures.items()
                if (i, name) in certain and value > getattr(limits, name)
            ),
        )
        for i, drift in enumerate(found)
    ]


def _measured(entry: Mapping[str, Any], values: np.ndarray[Any, Any], trained: int) -> Drift:
    absent = np.array([value is None or value != value for value in values], dtype=bool)
    was = float(entry.get("missing", 0.0))
    held = float(entry.get("memory", 1.0))
    found = {
        "missing": _of_missing(was, trained / held, float(absent.mean()), len(values) / held)
        if len(values)
        else (0.0, 1.0)
    }
    present = values[~absent]
    known = max(1, round(trained * (1 - was)))
    if len(present) and entry.get("deciles"):
        found |= _of_numbers(entry, present.astype(float), known, held)
    elif len(present) and entry.get("categories"):
        found |= _of_categories(entry["categories"], [str(value) for value in present], known, held)
    ordered = {name: found[name] for name in MEASURES if name in found}
    chances = {name: float(f"{chance:.3g}") for name, (_, chance) in ordered.items()}
    note = ""
    if held > 1 and known / held < FEWEST_INDEPENDENT:
        # What lies far beyond the training's range has no chance at all.
        alarming = {"missing"} | ({"outside"} if chances.get("outside") == 0 else set())
        chances = {name: chance if name in alarming else 1.0 for name, chance in chances.items()}
        note = (
            f"it wanders, {known:,} training rows tell as much as {max(1, round(known / held))}, "
            "so that only missing values and another unit are judged"
        )
    sizes = {name: round(size, 6) for name, (size, _) in ordered.items()}
    return Drift(str(entry["name"]), sizes, chances, note=note)


def _of_missing(was: float, trained: float, now: float, rows: float) -> tuple[float, float]:
    """The difference of two shares; its chance by the chi-square test with Yates' correction."""
    size = abs(now - was)
    share = (was * trained + now * rows) / (trained + rows)
    variance = share * (1 - share) * (1 / trained + 1 / rows)
    if variance == 0:
        return size, 1.0
    off = max(0.0, size - (1 / trained + 1 / rows) / 2)
    return size, math.erfc(off / math.sqrt(2 * variance))


def _of_numbers(
    entry: Mapping[str, Any], values: np.ndarray[Any, Any], trained: int, held: float
) -> dict[str, tuple[float, float]]:
    """PSI over the training deciles, the largest distance of distribution functions, the tails.

    The distance is taken at the deciles, which is all that a model keeps of its training rows, so
    it is a lower bound of the distance of Kolmogorov and Smirnov, and its chance an upper one.
    """
    from scipy.special import kolmogorov

    edges, reached = (np.asarray(entry[name], dtype=float) for name in ("deciles", "at_or_below"))
    new = np.searchsorted(np.sort(values), edges, side="right") / len(values)
    counts = np.diff(np.concatenate([[0.0], reached, [1.0]])) * trained
    found = np.diff(np.concatenate([[0.0], new, [1.0]])) * len(values)
    distance = float(np.abs(new - reached).max())
    size = math.sqrt(trained * len(values) / (trained + len(values)) / held)
    return {
        # Nothing lies above the last decile but what is outside, which has a test of its own.
        "psi": _of_counts(*_with_tails(counts, found), held),
        "distance": (distance, float(kolmogorov(distance * (size + 0.12 + 0.11 / size)))),
        "outside": _outside(values, edges, trained, held),
    }


def _outside(
    values: np.ndarray[Any, Any], edges: np.ndarray[Any, Any], trained: int, held: float
) -> tuple[float, float]:
    """The share of values below or above all of training, and its chance."""
    below, above = edges[0] - values, values - edges[-1]
    outside = int(((below > 0) | (above > 0)).sum())
    share = outside / len(values)
    reach = FAR * math.sqrt(max(1.0, len(values) / trained))
    width = max(edges[-1] - edges[0], abs(edges[0]) * 1e-9)
    if held > 1 and (np.maximum(below, above) > reach * width).mean() > 0.5:
        return share, 0.0
    # Of training's two ends the next value lies outside with 2 / (rows + 1).
    rows, known = max(1, round(len(values) / held)), trained / held
    return share, _at_least(int(outside / held), rows, 2, max(known - 1, 1))


def _with_tails(
    trained: np.ndarray[Any, Any], found: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Counts of the cells, those below and above all of training joined with their neighbours."""
    pair = []
    for counts in (trained, found):
        # The first cell is the smallest value and what is below, the last what is above.
        joined = np.concatenate([counts[1:-1], [0.0]]) if len(counts) > 2 else counts.copy()
        if len(counts) > 2:
            joined[0] += counts[0]
            joined[-2] += counts[-1]
            joined = joined[:-1]
        pair.append(joined)
    return pair[0], pair[1]


def _of_categories(
    categories: Mapping[str, float], values: Sequence[str], trained: int, held: float
) -> dict[str, tuple[float, float]]:
    counts = dict.fromkeys(categories, 0)
    unknown = 0
    for value in values:
        if value in counts:
            counts[value] += 1
        else:
            unknown += 1
    was = np.array([*categories.values(), 0.0]) * trained
    now = np.array([*counts.values(), unknown], dtype=float)
    rare = was * min(1.0, len(values) / trained) / held < FEWEST_EXPECTED
    rows = max(1, round(len(values) / held))
    return {
        "psi": _of_counts(_pooled(was, rare), _pooled(now, rare), held),
        "unknown": (unknown / len(values), _of_unknown(int(unknown / held), rows, was, trained)),
    }


def _of_unknown(unknown: int, rows: int, was: np.ndarray[Any, Any], trained: int) -> float:
    """The chance of so many values that training never saw.

    What it saw once is as much as it missed. Source: Good (1953), The population frequencies of
    species, Biometrika 40; the spread by Esty (1983), Annals of Statistics 11.
    """
    once, twice = (int((np.round(was) == count).sum()) for count in (1, 2))
    share = (once + 1) / (trained + 1)
    spread = (once + 2 * twice + 1) / (trained + 1) ** 2
    a = share**2 / spread
    return _at_least(unknown, rows, a, a * (1 - share) / share) if share < 1 else 1.0


def _pooled(counts: np.ndarray[Any, Any], rare: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.append(counts[~rare], counts[rare].sum()) if rare.any() else counts


def _of_counts(
    trained: np.ndarray[Any, Any], found: np.ndarray[Any, Any], held: float
) -> tuple[float, float]:
    """The population stability index of two sets of counts, and its chance.

    Of unchanged rows it is a chi-square variable with the cells less one as degrees, times the
    sum of both samples' reciprocals. Source: Yurdakul and Naranjo (2020), Statistical properties of
    the population stability index, Journal of Risk Model Validation 14. Where the cells are thin,
    the chance is that of Pearson's statistic, which then is the nearer one. Where `held` rows tell
    as much as one, the statistic is so much smaller.
    """
    from scipy.special import chdtrc

    kept = trained + found > 0
    if kept.sum() < 2:
        return 0.0, 1.0
    first, second = trained[kept], found[kept]
    sizes = first.sum(), second.sum()
    shares = [(c + SMOOTHING) / (c + SMOOTHING).sum() for c in (first, second)]
    expected = (first + second) / (sizes[0] + sizes[1])
    pearson = sum(
        float(((counts - size * expected) ** 2 / (size * expected)).sum())
        for counts, size in zip((first, second), sizes, strict=True)
    )
    return psi(*shares), float(chdtrc(int(kept.sum()) - 1, pearson / held))


def _at_least(count: int, rows: int, a: float, b: float) -> float:
    """The chance of so many of `rows` new rows, whose share has a Beta(a, b) distribution."""
    from scipy.special import betaln, gammaln

    if count <= 0:
        return 1.0
    more = np.arange(count, rows + 1)
    chosen = gammaln(rows + 1) - gammaln(more + 1) - gammaln(rows - more + 1)
    return min(1.0, float(np.exp(chosen + betaln(more + a, rows - more + b) - betaln(a, b)).sum()))


def psi(trained: np.ndarray[Any, Any], found: np.ndarray[Any, Any]) -> float:
    """The population stability index of two sets of shares, none of them 0.

    Source: Siddiqi (2006), Credit Risk Scorecards; it is the symmetric Kullback-Leibler divergence.
    """
    return math.fsum((found - trained) * np.log(found / trained))
