"""Whether a probability of .8 is right eight times of ten."""

from __future__ import annotations

from typing import Any

import numpy as np

from throughline.evaluation.measure.classification import ranking
from throughline.evaluation.outcome import Outcome
from throughline.figures.rounding import PROBABILITY_DIGITS, to_digits

BINS = 10
# Points of a ROC curve that are kept; more are not seen in a plot.
POINTS = 200
# Draws of what would have happened if every probability were right.
DRAWS, SEED = 200, 0
# Beyond so many answers the shares of a bin are as good as normal.
MANY = 20_000


def calibration(outcome: Outcome) -> dict[str, Any] | None:
    """Reliability in `BINS` bins of equal width and the expected calibration error.

    For a binary problem and for labels it is the probability of the positive answer that is
    judged, for several classes the one of the predicted class (Guo et al. 2017).

    Returns:
        `bins` (low, high, rows, mean probability, observed share) and `expected_error`, the mean
        distance of both weighted by rows, with `if_perfect`, what right probabilities give for so
        many rows, and `at_most_if_perfect`, what they exceed in 5 % (Bröcker and Smith 2007, the
        consistency bars of a reliability diagram); None without probabilities.
    """
    if outcome.probabilities is None:
        return None
    if outcome.task == "multiclass":
        probability = outcome.probabilities.max(axis=1)
        happened = (outcome.probabilities.argmax(axis=1) == outcome.actual).astype(np.float64)
    elif outcome.task == "binary":
        probability = outcome.probabilities[:, -1]
        happened = (outcome.actual == len(outcome.names) - 1).astype(np.float64)
    else:
        probability = outcome.probabilities.reshape(-1)
        happened = outcome.actual.reshape(-1).astype(np.float64)
    return _reliability(probability, happened)


def _reliability(probability: np.ndarray, happened: np.ndarray) -> dict[str, Any]:
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    rows = np.bincount(bins, minlength=BINS)
    filled = np.maximum(rows, 1)
    mean = np.bincount(bins, probability, minlength=BINS) / filled
    share = np.bincount(bins, happened, minlength=BINS) / filled
    entries = [
        {
            "low": i / BINS,
            "high": (i + 1) / BINS,
            "rows": int(rows[i]),
            "probability": float(mean[i]),
            "observed": float(share[i]),
        }
        for i in range(BINS)
        if rows[i]
    ]
    error = float((rows * np.abs(mean - share)).sum() / rows.sum())
    perfect = _if_perfect(probability, bins, mean * rows)
    return {
        "bins": entries,
        "expected_error": error,
        "if_perfect": float(perfect.mean()),
        "at_most_if_perfect": float(np.quantile(perfect, 0.95)),
    }


def _if_perfect(probability: np.ndarray, bins: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The expected calibration error of answers that come as often as they should, (DRAWS,)."""
    generator = np.random.default_rng(SEED)
    if len(probability) > MANY:
        spread = np.sqrt(np.bincount(bins, probability * (1 - probability), minlength=BINS))
        gaps = np.abs(generator.normal(0, spread, (DRAWS, BINS)))
        return np.asarray(gaps.sum(axis=1) / len(probability))
    errors = []
    for _ in range(DRAWS):
        happened = generator.random(len(probability)) < probability
        errors.append(np.abs(np.bincount(bins, happened, minlength=BINS) - expected).sum())
    return np.array(errors) / len(probability)


def roc(outcome: Outcome) -> list[tuple[float, float, float]]:
    """Points (false positive share, true positive share, threshold) of the ROC curve.

    Its corners, at most `POINTS` of them. Empty where one of the two classes has no row.
    """
    score = ranking(outcome)
    order = np.argsort(-score, kind="stable")
    positive = outcome.actual[order] == len(outcome.names) - 1
    if positive.all() or not positive.any():
        return []
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    hits, alarms = np.cumsum(positive)[ends], np.cumsum(~positive)[ends]
    kept = _corners(hits, alarms)
    ends, hits, alarms = ends[kept], hits[kept], alarms[kept]
    if len(ends) > POINTS:
        kept = np.unique(np.linspace(0, len(ends) - 1, POINTS).round().astype(np.int64))
        ends, hits, alarms = ends[kept], hits[kept], alarms[kept]
    thresholds = to_digits(score[order][ends], PROBABILITY_DIGITS)
    curve = [(0.0, 0.0, 1.0)]
    for threshold, hit, alarm in zip(thresholds, hits, alarms, strict=True):
        shares = (float(alarm / (~positive).sum()), float(hit / positive.sum()))
        curve.append((*shares, float(threshold)))
    return curve


def _corners(hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    """Where a curve that begins at (0, 0) turns, and its end.

    What lies between on a straight line draws nothing, and how many such points there are is a
    matter of the last bits of rows whose probabilities are nearly equal.
    """
    up, across = np.diff(hits, prepend=0), np.diff(alarms, prepend=0)
    turns = up[:-1] * across[1:] != up[1:] * across[:-1]
    return np.append(np.flatnonzero(turns), len(hits) - 1)
