"""Figures of classifiers: sums over rows first, so that a bootstrap is one matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np

from throughline.evaluation.intervals.resamples import MANY, Resamples
from throughline.evaluation.outcome import CLOSEST, Outcome
from throughline.figures.figure import NOT_NEGATIVE, SHARE, Figure
from throughline.figures.rounding import DIGITS, to_digits

FIGURES = {
    "binary": ("accuracy", "loss", "roc_auc", "precision", "recall", "f1"),
    "multiclass": (
        "accuracy",
        "loss",
        "balanced_accuracy",
        "macro_precision",
        "macro_recall",
        "macro_f1",
    ),
    "multilabel": (
        "accuracy",
        "loss",
        "exact_match",
        "micro_precision",
        "micro_recall",
        "micro_f1",
        "macro_f1",
    ),
}
# Figures of one class, one column or one comparison model, written `NAME:SUBJECT`.
OF_A_CLASS = ("precision", "recall", "f1")

# As a reader says them; others by their own names.
SPOKEN = {"roc_auc": "ROC AUC", "f1": "F1", "macro_f1": "macro F1", "micro_f1": "micro F1"}


def row_values(outcome: Outcome) -> dict[str, np.ndarray]:
    """What each row adds to the sums that the figures are made of; each (N,) or (N, C)."""
    truth, answer = _indicators(outcome)
    values: dict[str, np.ndarray] = {"rows": np.ones(len(outcome))}
    values["accuracy"] = correct(outcome)
    if outcome.task == "multilabel":
        values["exact_match"] = exact_match(outcome)
    if outcome.probabilities is not None:
        values["loss"] = log_loss(outcome)
    values["hits"] = truth & answer
    values["actual"] = truth
    values["predicted"] = answer
    return {name: value.astype(np.float64) for name, value in values.items()}


def correct(outcome: Outcome) -> np.ndarray:
    """1 for a right row, 0 for a wrong one; the share of right labels for several labels."""
    same = np.asarray(outcome.actual == outcome.predicted, dtype=np.float64)
    return np.asarray(same.mean(axis=1)) if outcome.task == "multilabel" else same


def exact_match(outcome: Outcome) -> np.ndarray:
    """1 for a row whose labels are all right, 0 for another, (N,)."""
    return np.asarray((outcome.actual == outcome.predicted).all(axis=1), dtype=np.float64)


def log_loss(outcome: Outcome) -> np.ndarray:
    """The cross-entropy of each row, in nats, shape (N,)."""
    assert outcome.probabilities is not None
    probabilities = np.clip(outcome.probabilities, CLOSEST, 1 - CLOSEST)
    if outcome.task == "multilabel":
        chosen = np.where(outcome.actual == 1, probabilities, 1 - probabilities)
        return np.asarray(-np.log(chosen).mean(axis=1))
    return np.asarray(-np.log(probabilities[np.arange(len(outcome)), outcome.actual]))


def _indicators(outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Truth and answer as masks (N, C); for a binary problem of the positive class only."""
    if outcome.task == "multilabel":
        return outcome.actual.astype(bool), outcome.predicted.astype(bool)
    classes = np.arange(len(outcome.names))
    if outcome.task == "binary":
        classes = classes[-1:]
    return outcome.actual[:, None] == classes, outcome.predicted[:, None] == classes


def figures(task: str, sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The figures from sums over rows.

    Args:
        task: the problem type.
        sums: for each of `row_values` an array (R,) or (R, C).

    Returns:
        for each figure (R,); NaN where it is undefined.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        shared: dict[str, np.ndarray] = {
            name: sums[name] / sums["rows"]
            for name in ("accuracy", "loss", "exact_match")
            if name in sums
        }
        hits, actual, predicted = sums["hits"], sums["actual"], sums["predicted"]
        if task == "binary":
            return shared | {
                "precision": (hits / predicted)[:, 0],
                "recall": (hits / actual)[:, 0],
                "f1": (2 * hits / (predicted + actual))[:, 0],
            }
        if task == "multilabel":
            shared |= {
                "micro_precision": hits.sum(axis=1) / predicted.sum(axis=1),
                "micro_recall": hits.sum(axis=1) / actual.sum(axis=1),
                "micro_f1": 2 * hits.sum(axis=1) / (predicted + actual).sum(axis=1),
            }
            return shared | {"macro_f1": _macro(2 * hits / (predicted + actual))}
        present = predicted + actual > 0
        recall = hits / actual
        return shared | {
            "balanced_accuracy": _macro(recall),
            "macro_precision": _macro(np.where(present, _or_zero(hits / predicted), np.nan)),
            "macro_recall": _macro(np.where(present, _or_zero(recall), np.nan)),
            "macro_f1": _macro(2 * hits / (predicted + actual)),
        }


def _or_zero(values: np.ndarray) -> np.ndarray:
    """0 where a class was never predicted or never occurs, as scikit-learn has it."""
    return np.where(np.isfinite(values), values, 0.0)


def _macro(values: np.ndarray) -> np.ndarray:
    """The mean over the classes that have a value."""
    defined = np.isfinite(values)
    return np.asarray(np.where(defined, values, 0.0).sum(axis=1) / defined.sum(axis=1))


def roc_auc(outcome: Outcome, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of weighted rows: the share of pairs in the right order.

    Args:
        outcome: of a binary problem, with probabilities.
        weights: how often each row counts, shape (R, N).

    Returns:
        shape (R,); NaN where only one class is left. Ties count half (Mann and Whitney 1947).
    """
    score = ranking(outcome)
    order = np.argsort(score, kind="stable")
    positive = outcome.actual[order] == len(outcome.names) - 1
    # Equal scores form a group; sums up to each group's end are all that is needed.
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    sorted_weights = weights[:, order]
    positives = _grouped(sorted_weights * positive, ends)
    negatives = _grouped(sorted_weights * ~positive, ends)
    halfway = np.cumsum(negatives, axis=1) - negatives / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        return np.asarray((positives * halfway).sum(axis=1) / pairs)


def ranking(outcome: Outcome) -> np.ndarray:
    """What the rows of a binary problem are ordered by, (N,).

    Six digits of the probability of the positive class: where it is saturated, which of two rows
    is above the other is a matter of the last bit, and they count as equal.
    """
    assert outcome.probabilities is not None
    return to_digits(outcome.probabilities[:, -1], DIGITS)


def _grouped(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sums along the rows over the groups that end at these positions."""
    if len(ends) == values.shape[1]:
        return values
    return np.diff(np.cumsum(values, axis=1)[:, ends], axis=1, prepend=0.0)


def roc_auc_draws(outcome: Outcome, resamples: Resamples) -> np.ndarray:
    """The area under the ROC curve of every resample.

    Above `MANY` rows it is linear in the rows' counts: each row adds the share of the other class
    that it is on the right side of (DeLong, DeLong and Clarke-Pearson 1988). That is one matrix
    product, and what it leaves out is of the order of 1 / rows.
    """
    if resamples.rows <= MANY:
        return np.concatenate([roc_auc(outcome, weights) for weights in resamples.weights()])
    positive = outcome.actual == len(outcome.names) - 1
    placed = placements(outcome, positive)
    values = [positive, ~positive, placed * positive, placed * ~positive]
    sums = resamples.sums(np.column_stack(values).astype(np.float64))
    area = placed[positive].mean()
    return np.asarray(sums[:, 2] / sums[:, 0] + sums[:, 3] / sums[:, 1] - area)


def placements(outcome: Outcome, positive: np.ndarray) -> np.ndarray:
    """For each row the share of the other class that it is on the right side of."""
    score = ranking(outcome)
    found = np.empty(len(score))
    for mine, others, sign in ((positive, ~positive, 1), (~positive, positive, -1)):
        rivals = np.sort(sign * score[others])
        below = np.searchsorted(rivals, sign * score[mine], side="left")
        upto = np.searchsorted(rivals, sign * score[mine], side="right")
        found[mine] = (below + upto) / (2 * len(rivals))
    return found


def confusion(outcome: Outcome) -> np.ndarray:
    """Counts, actual class by row and predicted class by column, shape (C, C)."""
    size = len(outcome.names)
    cells = outcome.actual * size + outcome.predicted
    return np.bincount(cells, minlength=size * size).reshape(size, size)


def per_class(outcome: Outcome) -> list[dict[str, Any]]:
    """Precision, recall, F1 and support of each class or label; None where undefined."""
    if outcome.task == "multilabel":
        truth, answer = outcome.actual == 1, outcome.predicted == 1
    else:
        classes = np.arange(len(outcome.names))
        truth, answer = outcome.actual[:, None] == classes, outcome.predicted[:, None] == classes
    hits, actual, predicted = (m.sum(axis=0) for m in (truth & answer, truth, answer))
    return [
        {
            "class": name,
            "precision": _share(hits[i], predicted[i]),
            "recall": _share(hits[i], actual[i]),
            "f1": _share(2 * hits[i], predicted[i] + actual[i]),
            "support": int(actual[i]),
        }
        for i, name in enumerate(outcome.names)
    ]


def against_the_rest(outcome: Outcome, place: int) -> Outcome:
    """One class or label against all others, as two classes without probabilities."""
    if outcome.task == "multilabel":
        actual, predicted = outcome.actual[:, place], outcome.predicted[:, place]
    else:
        actual, predicted = outcome.actual == place, outcome.predicted == place
    names = ("others", outcome.names[place])
    return Outcome("binary", actual.astype(np.int64), predicted.astype(np.int64), None, names)


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


EVALUATED = (
    Figure("accuracy", True, SHARE, of_rows=correct, counted=True, share_of="rows"),
    Figure("exact_match", True, SHARE, of_rows=exact_match, counted=True, share_of="rows"),
    Figure("balanced_accuracy", True, SHARE, counted=True),
    Figure("roc_auc", True, SHARE),
    Figure("precision", True, SHARE, counted=True, share_of="predicted"),
    Figure("recall", True, SHARE, counted=True, share_of="actual"),
    Figure("f1", True, SHARE, counted=True),
    *(
        Figure(average + name, True, SHARE, counted=True)
        for average in ("macro_", "micro_")
        for name in OF_A_CLASS
    ),
    Figure("loss", False, NOT_NEGATIVE, of_rows=log_loss, skewed=True),
)
