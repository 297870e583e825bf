"""Guard `target_in_disguise`: no feature may be the target, or determine it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import (
    MOST_ROWS,
    Case,
    Observation,
    draw,
    guard,
    is_number,
    plain_columns,
)
from throughline.guards.information import shared_information
from throughline.guards.scores import (
    MOST_CATEGORIES,
    codes_of,
    correlation,
    credited,
    explained_variance,
    out_of_fold_accuracy,
    ranks,
)
from throughline.guards.telling import (
    AHEAD,
    AHEAD_OF_MAJORITY,
    encoded_means,
    standing_out,
    told_by_absence,
)

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
# What a value of fewer rows says of the target, it says by chance.
FEWEST_ROWS_A_VALUE = 5
# A number of more values than this is a measurement, unless its classes lie scattered over it.
MOST_NAMES = 20


@guard("target_in_disguise")
def target_in_disguise(case: Case) -> Iterator[Observation]:
    """Features that are the target in other words, in another unit, or all but tell it.

    Certain: equal values; correlation beyond 0.9999, of values or of ranks; a column of few values
    each of which has one target. Only suspicious, because well separated classes look the same: one
    feature alone predicts nearly everything, or the target is a linear combination of features.
    """
    # Training rows only: a column that is dropped must not depend on what is in the test rows.
    training = case.parts == "training"
    if training.sum() < FEWEST_ROWS:
        return
    for target in case.target.columns:
        answer = case.by_name[target][training]
        known = answer.notna().to_numpy()
        answer = answer if known.all() else answer[known]
        pairs, absent, suspected = dict[str, Pair](), list[Observation](), set[str]()
        for name, column in plain_columns(case):
            feature = column[training]
            pair = Pair(feature if known.all() else feature[known], answer, case.classifies)
            observation = _alone(pair, name, target)
            if observation:
                suspected.add(name)
                yield observation
            elif observation := _absent(pair, name, target):
                absent.append(observation)
            pairs[name] = pair.shortened
        suspected.update(name for observation in absent for name in observation.columns)
        yield from absent
        yield from _suspected(case, pairs, target, suspected)
        if not suspected and is_number(answer) and not case.classifies:
            yield from _together(case, case.training, target)


@dataclass(frozen=True)
class Pair:
    """One feature beside the target.

    Attributes:
        feature: [rows] of the training part whose target is known.
        answer: [rows] the target.
        classifies: whether that is a class.
    """

    feature: pd.Series
    answer: pd.Series
    classifies: bool

    @cached_property
    def there(self) -> np.ndarray[Any, Any]:
        """[rows] where the feature is known."""
        known: np.ndarray[Any, Any] = self.feature.notna().to_numpy()
        return known

    @property
    def both(self) -> tuple[pd.Series, pd.Series]:
        """Feature and target where the feature is known."""
        whole = self.there.all()
        return self.feature if whole else self.feature[self.there], (
            self.answer if whole else self.answer[self.there]
        )

    @property
    def drawn(self) -> tuple[pd.Series, pd.Series]:
        """The same of a draw of the rows, where these are many."""
        feature, answer = self.both
        places = draw(len(feature))
        if isinstance(places, slice):
            return feature, answer
        return feature.iloc[places], answer.iloc[places]

    @property
    def shortened(self) -> Pair:
        """What is drawn of very many rows, for what needs no more of them."""
        return self if len(self.answer) <= MOST_ROWS else Pair(*self.drawn, self.classifies)

    @cached_property
    def accuracy(self) -> tuple[float, float]:
        """How often the feature alone tells the class, and how often the majority is right."""
        return out_of_fold_accuracy(*self.drawn)


def _alone(pair: Pair, name: str, target: str) -> Observation | None:
    if name == target:
        # The same column: equal without looking.
        return Observation(f"'{name}' is the target itself", (name,))
    held, answers = pair.both
    codes, classes = codes_of(held), codes_of(answers)
    if len(held) < FEWEST_ROWS or not codes.any() or not classes.any():
        return None
    text = _copy(held, codes, classes)
    held, answers = pair.drawn
    unit = ""
    if is_number(held) and is_number(answers) and not pair.classifies:
        unit = _in_another_unit(held.to_numpy(dtype=float), answers.to_numpy(dtype=float))
    if unit:
        return Observation(f"'{name}' is the target '{target}' in disguise: {unit}", (name,))
    if text:
        return Observation(f"'{name}' determines the target '{target}': {text}", (name,))
    if pair.classifies or not is_number(answers):
        score = credited(*pair.accuracy)
    else:
        score = explained_variance(held, answers)
    if score > SUSPICIOUS:
        what = "accuracy" if pair.classifies else "R²"
        shared = shared_information(held, answers)
        text = (
            f"'{name}' alone predicts '{target}' with {what} {score:.4f} and holds {shared:.0%} of "
            "what there is to know of it; does it come after it?"
        )
        return Observation(text, (name,), certain=False)
    if not pair.classifies and codes.max() < MOST_CATEGORIES:
        # Which bracket of the target a row lies in is known when the target is.
        right = credited(*out_of_fold_accuracy(answers, held))
        if right > READ_OFF:
            text = f"'{name}' can be read off the target '{target}' in {right:.2%} of the rows"
            return Observation(f"{text}; was it made from it?", (name,), certain=False)
    return None


def _absent(pair: Pair, name: str, target: str) -> Observation | None:
    """Whether a column is filled by the target."""
    if name == target or pair.there.all():
        return None
    text = told_by_absence(pair.feature, pair.answer, pair.classifies)
    if not text:
        return None
    text = f"whether '{name}' is there tells the target '{target}': {text}"
    return Observation(f"{text}; is it filled after it?", (name,), certain=False)


def _suspected(
    case: Case, pairs: dict[str, Pair], target: str, suspected: set[str]
) -> Iterator[Observation]:
    """What may come after the target: columns made of it, or far ahead of others."""
    names = [name for name in pairs if name not in suspected and name != target]
    every = case.by_name[target]
    if is_number(every) and every.notna().all():
        for name in encoded_means(case.by_name, names, every.to_numpy(dtype=float)):
            suspected.add(name)
            text = f"'{name}' holds the mean of the target '{target}' of all rows that share it"
            yield Observation(f"{text}, test rows included", (name,), certain=False)
    if suspected:
        return
    least = AHEAD_OF_MAJORITY if case.classifies else AHEAD
    scores = {name: _explained(pairs[name]) for name in names}
    ahead = standing_out(scores, least)
    if ahead is not None:
        suspected.add(ahead)
        text = f"'{ahead}' alone explains {scores[ahead]:.1%} of the target '{target}'"
        text += ", far more than any other column; is it a copy, or does it come after it?"
        yield Observation(text, (ahead,), certain=False)


def _explained(pair: Pair) -> float:
    """The share of the variance, or of the majority's errors, that one feature takes away."""
    held, answers = pair.drawn
    if len(held) < FEWEST_ROWS:
        return 0.0
    if not pair.classifies and is_number(answers):
        if not is_number(held):
            return explained_variance(held, answers)
        values = held.to_numpy(dtype=float), answers.to_numpy(dtype=float)
        finite = np.isfinite(values[0]) & np.isfinite(values[1])
        numbers = (values[0][finite], values[1][finite])
        return max(correlation(*numbers) ** 2, correlation(*map(ranks, numbers)) ** 2)
    right, majority = pair.accuracy
    return max(0.0, (right - majority) / (1 - majority)) if majority < 1 else 0.0


def _in_another_unit(feature: np.ndarray[Any, Any], answer: np.ndarray[Any, Any]) -> str:
    if np.array_equal(feature, answer):
        return "all values are equal"
    finite = np.isfinite(feature) & np.isfinite(answer)
    linear = correlation(feature[finite], answer[finite])
    if abs(linear) > SAME:
        return f"correlation {linear:.6f}"
    ranked = correlation(ranks(feature[finite]), ranks(answer[finite]))
    return f"rank correlation {ranked:.6f}" if abs(ranked) > SAME else ""


def _copy(feature: pd.Series, codes: np.ndarray[Any, Any], answers: np.ndarray[Any, Any]) -> str:
    """What shows that a column of few values is the target under other names, or nothing.

    Args:
        feature: [rows] the column.
        codes: [rows] its values, numbered.
        answers: [rows] those of the target, numbered.
    """
    values, classes = int(codes.max()) + 1, int(answers.max()) + 1
    # Where values hardly repeat, each has one target by chance alone.
    if values > len(codes) / 4 or classes > len(codes) / 4:
        return ""
    right = _told_rightly(codes, answers)
    majority = float(np.bincount(answers).max() / len(answers))
    # It must know much more than the majority class does.
    if 1 - right > (1 - majority) / 20:
        return ""
    measured = is_number(feature) and values > max(MOST_NAMES, 2 * classes)
    # Thresholds part the classes: a measurement that tells them, not another name for them.
    if measured and _stretches(feature.to_numpy(dtype=float), answers) <= 2 * classes:
        return ""
    if right == 1.0:
        return f"each of its {values} values has one target"
    if right >= COPY and values <= max(MOST_NAMES, 2 * classes):
        return f"its {values} values tell it rightly in {right:.2%} of the rows"
    return ""


def _told_rightly(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    """The share of rows with the most frequent second code for their first code.

    First codes of too few rows tell what is most frequent of all.
    """
    few = np.bincount(first)[first] < FEWEST_ROWS_A_VALUE
    usual = int((second[few] == np.bincount(second).argmax()).sum())
    if few.all():
        return usual / len(first)
    pairs, counts = np.unique(
        first[~few] * (int(second.max()) + 1) + second[~few], return_counts=True
    )
    starts = np.unique(pairs // (int(second.max()) + 1), return_index=True)[1]
    return float((np.maximum.reduceat(counts, starts).sum() + usual) / len(first))


def _stretches(values: np.ndarray[Any, Any], codes: np.ndarray[Any, Any]) -> int:
    """In how many stretches of one class the rows lie, in the order of a number."""
    ordered = codes[np.lexsort((codes, values))]
    return 1 + int((np.diff(ordered) != 0).sum())


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
