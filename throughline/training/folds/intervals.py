"""Limits and comparisons of scores from resampling, corrected for overlapping training sets.

Scores of folds share training rows, so they vary less than scores of independent data would and
the plain t interval is too narrow. Nadeau and Bengio (2003), "Inference for the generalization
error", Machine Learning 52, replace 1/n by 1/n + test/train in the variance of the mean; Bouckaert
and Frank (2004) recommend it for repeated cross-validation.
"""

from __future__ import annotations

import math
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

from throughline.errors import BadData
from throughline.figures.figure import EVERYTHING, Limits

Scores = npt.ArrayLike
Verdict = Literal["better", "worse", "no difference"]


class Comparison(TypedDict):
    """Candidate minus reference: mean, interval, p-value and what they say."""

    difference: float
    low: float
    high: float
    p_value: float
    verdict: Verdict


def corrected_interval(
    scores: Scores,
    train_size: float,
    test_size: float,
    confidence: float = 0.95,
    within: Limits = EVERYTHING,
) -> Limits:
    """The corrected resampled t interval of a mean score.

    Args:
        scores: one a fold (and repeat).
        train_size: rows a fold is trained on.
        test_size: rows a fold is measured on.
        confidence: coverage. Default: 0.95.
        within: what the mean can be at all. The t interval knows no such limits, and of few folds
            it leaves them; what lies outside is cut off, which takes nothing from its coverage.
            Scores beyond a limit show that it is none, as those of a loss that can be negative.
            Default: any number.

    Returns:
        The limits; those of `within` for a single score, which says nothing about its spread.

    Raises:
        BadData: without scores, or with sizes that are not positive.
    """
    values = _values(scores)
    mean = float(values.mean())
    if len(values) < 2:
        return within
    half = _quantile(confidence, len(values) - 1) * _standard_error(values, train_size, test_size)
    if values.min() < within.low or values.max() > within.high:
        within = EVERYTHING
    return Limits(max(mean - half, within.low), min(mean + half, within.high))


def paired_verdict(
    candidate: Scores,
    reference: Scores,
    train_size: float,
    test_size: float,
    *,
    higher_is_better: bool,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two models that were measured on the same folds, by the corrected paired t-test.

    Args:
        candidate: its scores, one a fold.
        reference: the other's scores, in the same order.
        train_size: rows a fold is trained on.
        test_size: rows a fold is measured on.
        higher_is_better: whether a larger score is the better one.
        confidence: `no difference` is said unless zero lies outside this interval. Default: 0.95.

    Returns:
        Mean difference with its interval, two-sided p-value, and the verdict on the candidate.

    Raises:
        BadData: when the scores cannot be paired.
    """
    # `scipy.stats` answers by this very function, and takes a second to import.
    from scipy.special import stdtr

    ours, theirs = _values(candidate), _values(reference)
    if len(ours) != len(theirs):
        raise BadData(
            "a paired comparison should have one score of each model for every fold",
            f"{len(ours)} and {len(theirs)} scores",
            "Use the same cross_validation for both",
        )
    differences = ours - theirs
    mean = float(differences.mean())
    interval = corrected_interval(differences, train_size, test_size, confidence)
    if len(differences) < 2:
        p_value = 1.0
    elif (error := _standard_error(differences, train_size, test_size)) > 0:
        p_value = float(2 * stdtr(len(differences) - 1, -abs(mean) / error))
    else:
        p_value = 0.0 if mean else 1.0
    return Comparison(
        difference=mean,
        low=interval.low,
        high=interval.high,
        p_value=p_value,
        verdict=_verdict(interval, higher_is_better),
    )


def _verdict(interval: Limits, higher_is_better: bool) -> Verdict:
    if interval.low <= 0 <= interval.high:
        return "no difference"
    return "better" if (interval.low > 0) == higher_is_better else "worse"


def _values(scores: Scores) -> npt.NDArray[np.float64]:
    values = np.asarray(scores, np.float64).ravel()
    if not len(values) or not np.isfinite(values).all():
        raise BadData("scores should be one finite number a fold", values.tolist())
    return values


def _standard_error(values: npt.NDArray[np.float64], train_size: float, test_size: float) -> float:
    if train_size <= 0 or test_size <= 0:
        raise BadData("rows of a fold should be positive", f"{train_size} and {test_size}")
    return float(values.std(ddof=1) * math.sqrt(1 / len(values) + test_size / train_size))


def _quantile(confidence: float, degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + confidence / 2))
