"""Guard `target_in_disguise`: no feature may be the target, or determine it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import Case, Observation, guard, is_number, plain_columns
from throughline.guards.information import shared_information

if TYPE_CHECKING:
    import pandas as pd

# Correlation of a feature that is the target in another unit, up to rounding.
SAME = 0.9999
# Share of rows that a feature of few values must tell rightly to count as a copy of the target.
COPY = 0.995
# From here on, one feature alone is suspiciously good; honest ones are (0.98 on wifi, digits 0.5).
SUSPICIOUS = 0.995
# From here on, a category is likely to be made from the target; rows near an edge are misread.
READ_OFF = 0.97
FEWEST_ROWS = 20
# A number with more values than this is a measurement.
MOST_CATEGORIES = 64


@guard("target_in_disguise")
def target_in_disguise(case: Case) -> Iterator[Observation]:
    """Features that are the target in other words, in another unit, or all but tell it.

    Certain: equal values; correlation beyond 0.9999, of values or of ranks; a column of few values
    each of which has one target. Only suspicious, because well separated classes look the same: one
    feature alone predicts nearly everything, or the target is a linear combination of features.
    """
    # Training rows only: a column that is dropped must not depend on what is in the test rows.
    rows = case.training
    if len(rows) < FEWEST_ROWS:
        return
    for target in case.target.columns:
        answer = rows[target]
        told = False
        for name, _ in plain_columns(case):
            observation = _alone(case, name, rows[name], target, answer)
            if observation:
                told = True
                yield observation
        if not told and is_number(answer) and not case.classifies:
            yield from _together(case, rows, target)


def _alone(
    case: Case, name: str, feature: pd.Series, target: str, answer: pd.Series
) -> Observation | None:
    both = feature.notna().to_numpy() & answer.notna().to_numpy()
    if both.sum() < FEWEST_ROWS or name == target:
        # The same column: equal without looking.
        text = f"'{name}' is the target itself"
        return Observation(text, (name,)) if name == target else None
    held, told = feature[both], answer[both]
    if told.nunique() < 2 or held.nunique() < 2:
        return None
    if is_number(held) and is_number(told) and not case.classifies:
        text = _in_another_unit(held.to_numpy(dtype=float), told.to_numpy(dtype=float))
        if text:
            return Observation(f"'{name}' is the target '{target}' in disguise: {text}", (name,))
    text = _copy(held, told)
    if text:
        return Observation(f"'{name}' determines the target '{target}': {text}", (name,))
    score = one_feature_score(held, told, case.classifies)
    if score > SUSPICIOUS:
        what = "accuracy" if case.classifies else "R²"
        shared = shared_information(held, told)
        text = (
            f"'{name}' alone predicts '{target}' with {what} {score:.4f} and holds {shared:.0%} of "
            "what there is to know of it; does it come after it?"
        )
        return Observation(text, (name,), certain=False)
    if not case.classifies and held.nunique() <= MOST_CATEGORIES:
        # Which bracket of the target a row lies in is known when the target is.
        right = one_feature_score(told, held, classifies=True)
        if right > READ_OFF:
            text = f"'{name}' can be read off the target '{target}' in {right:.2%} of the rows"
            return Observation(f"{text}; was it made from it?", (name,), certain=False)
    return None


def _in_another_unit(feature: np.ndarray[Any, Any], answer: np.ndarray[Any, Any]) -> str:
    if np.array_equal(feature, answer):
        return "all values are equal"
    finite = np.isfinite(feature) & np.isfinite(answer)
    linear = correlation(feature[finite], answer[finite])
    if abs(linear) > SAME:
        return f"correlation {linear:.6f}"
    ranks = correlation(_ranks(feature[finite]), _ranks(answer[finite]))
    return f"rank correlation {ranks:.6f}" if abs(ranks) > SAME else ""


def correlation(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    """Pearson's correlation; 0 where one of the two never changes."""
    a, b = first - first.mean(), second - second.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def _ranks(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Ranks, the mean one for equal values."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _codes(column: pd.Series) -> np.ndarray[Any, Any]:
    import pandas as pd

    return pd.factorize(column)[0]


def _copy(feature: pd.Series, answer: pd.Series) -> str:
    """What shows that a column of few values is the target under other names, or nothing."""
    values, classes = feature.nunique(), answer.nunique()
    # Where values hardly repeat, each has one target by chance alone.
    if values > len(feature) / 4 or classes > len(answer) / 4:
        return ""
    codes = _codes(answer)
    right = _told_rightly(_codes(feature), codes)
    majority = float(np.bincount(codes).max() / len(codes))
    # It must know much more than the majority class does.
    if 1 - right > (1 - majority) / 20:
        return ""
    if right == 1.0:
        return f"each of its {values} values has one target"
    if right >= COPY and values <= max(20, 2 * classes):
        return f"its {values} values tell it rightly in {right:.2%} of the rows"
    return ""


def _told_rightly(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    """The share of rows with the most frequent second code for their first code."""
    pairs, counts = np.unique(first * (int(second.max()) + 1) + second, return_counts=True)
    starts = np.unique(pairs // (int(second.max()) + 1), return_index=True)[1]
    return float(np.maximum.reduceat(counts, starts).sum() / len(first))


def one_feature_score(feature: pd.Series, answer: pd.Series, classifies: bool) -> float:
    """How well one feature alone predicts the target: accuracy, or R² for numbers.

    The model is fitted on one half of the rows and scored on the other. A category predicts its
    majority class or mean; a number predicts what the nearest number has.

    Args:
        feature: [rows] numbers or categories.
        answer: [rows] the target.
        classifies: whether the target is a class.
    """
    order = np.random.default_rng(0).permutation(len(feature))
    fitted, scored = order[::2], order[1::2]
    if classifies or not is_number(answer):
        codes = _codes(answer)
        if codes.max() >= len(codes) / 4:
            return 0.0
        predicted = _predicted(feature, codes, fitted, scored, classifies=True)
        accuracy = float((predicted == codes[scored]).mean())
        majority = float(np.bincount(codes).max() / len(codes))
        # With 99.9 % of one class, being right is no sign of knowing.
        return accuracy if 1 - accuracy <= (1 - majority) / 20 else 0.0
    values = answer.to_numpy(dtype=float)
    predicted = _predicted(feature, values, fitted, scored, classifies=False)
    rest = float(((values[scored] - predicted) ** 2).sum())
    whole = float(((values[scored] - values[scored].mean()) ** 2).sum())
    return 1 - rest / whole if whole > 0 else 0.0


def _predicted(
    feature: pd.Series,
    answer: np.ndarray[Any, Any],
    fitted: np.ndarray[Any, Any],
    scored: np.ndarray[Any, Any],
    classifies: bool,
) -> np.ndarray[Any, Any]:
    """What the fitted rows say of the scored rows."""
    if is_number(feature) and feature.nunique() > MOST_CATEGORIES:
        values = feature.to_numpy(dtype=float)
        held = fitted[np.argsort(values[fitted], kind="stable")]
        above = np.clip(np.searchsorted(values[held], values[scored]), 1, len(held) - 1)
        left, right = held[above - 1], held[above]
        nearer = values[scored] - values[left] <= values[right] - values[scored]
        told: np.ndarray[Any, Any] = answer[np.where(nearer, left, right)]
        return told
    codes = _codes(feature)
    rows, width = int(codes.max()) + 1, int(answer.max()) + 1 if classifies else 1
    if classifies:
        best = _most_frequent(codes[fitted], answer[fitted], rows, width)
    else:
        count = np.bincount(codes[fitted], minlength=rows)
        sums = np.bincount(codes[fitted], answer[fitted], minlength=rows)
        best = np.where(count > 0, sums / np.maximum(count, 1), answer[fitted].mean())
    told = best[codes[scored]]
    return told


def _most_frequent(
    codes: np.ndarray[Any, Any], classes: np.ndarray[Any, Any], rows: int, width: int
) -> np.ndarray[Any, Any]:
    """For each code the class that is most frequent with it, the first of several; -1 for none.

    Only pairs that are there are counted: a table of all would be codes x classes.
    """
    pairs, counts = np.unique(codes * width + classes, return_counts=True)
    order = np.lexsort((pairs, -counts, pairs // width))
    held, first = np.unique((pairs // width)[order], return_index=True)
    best: np.ndarray[Any, Any] = np.full(rows, -1)
    best[held] = (pairs % width)[order][first]
    return best


def _together(case: Case, rows: pd.DataFrame, target: str) -> Iterator[Observation]:
    """Whether the target is a linear combination of numeric features, as total = part + part is."""
    names = [name for name, column in plain_columns(case) if is_number(column)]
    table = rows[[*names, target]].dropna().to_numpy(dtype=float)
    table = table[np.isfinite(table).all(axis=1)]
    if len(names) < 2 or len(table) < 10 * len(names):
        return
    centred = table - table.mean(axis=0)
    features, answer = centred[:, :-1], centred[:, -1]
    spread = features.std(axis=0)
    features = features[:, spread > 0] / spread[spread > 0]
    whole = float(answer @ answer)
    solution = np.linalg.lstsq(features, answer, rcond=None)[0]
    rest = answer - features @ solution
    if whole > 0 and 1 - float(rest @ rest) / whole > SAME**2:
        heavy = np.argsort(-np.abs(solution))[:3]
        chosen = tuple(np.array(names)[spread > 0][heavy].tolist())
        yield Observation(
            f"'{target}' is a linear combination of the features, above all of {', '.join(chosen)}",
            chosen,
            certain=False,
        )
