"""A model's answers as tables and plots show them: without the digits that mean nothing."""

from __future__ import annotations

from dataclasses import replace

from throughline.evaluation.outcome import Outcome
from throughline.figures.rounding import PROBABILITY_DIGITS, to_digits, to_meaning


def shown(outcome: Outcome) -> Outcome:
    """The outcome with rounded answers.

    Tables and plots are made of the same rounded numbers, so that a last bit that moves none of
    them moves no pixel. Nothing is measured on them.
    """
    if outcome.probabilities is not None:
        return replace(outcome, probabilities=to_digits(outcome.probabilities, PROBABILITY_DIGITS))
    if outcome.predicted.dtype.kind != "f":
        return outcome
    return replace(outcome, predicted=to_meaning(outcome.predicted, outcome.actual))
