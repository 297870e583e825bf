"""The split, the network, the training and the comparisons of a draft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from throughline.profile.facts import Fact
from throughline.samples.splits.named import tells_parts

if TYPE_CHECKING:
    import pandas as pd

# Rows -> units of the hidden layers and share of dropout: small tables bear small networks only.
NETWORKS = ((500, (8,), 0.0), (5_000, (16, 8), 0.0), (50_000, (64, 32), 0.2))
LARGEST_NETWORK = ((128, 64), 0.2)
# A class of a larger share is the answer nearly always.
MOST_OF_ONE_CLASS = 0.9
# Updates that a draft of pictures or texts may take: with 60 photos a class, 30 epochs of whole
# batches of 32 are 90, and with 48 texts, 15 of batches of 16 are 45, after which the network had
# hardly begun to fit what it trains on.
UPDATES, MOST_EPOCHS, FEWEST_TEXT_EPOCHS = 1000, 100, 15


def part_column(facts: Sequence[Fact]) -> str | None:
    """The column that says of each row whether it trains or tests, where the data have one."""
    for fact in facts:
        if fact.role == "category" and tells_parts(fact.counts):
            return fact.name
    return None


def split(
    features: Sequence[Fact], target: str, task: str, smallest: int, part: str | None
) -> dict[str, Any]:
    """The split that the data ask for: their own, one with the classes' shares, or one by time."""
    if part is not None:
        return {"kind": "predefined", "column": part}
    ordered = [fact.name for fact in features if fact.role == "time"]
    if task in ("binary", "multiclass"):
        if smallest >= 2:
            return {"test": 0.2, "stratify": target, "seed": 0}
        return {"test": 0.2, "seed": 0, "guards": {"unseen_classes": "warn"}}
    if ordered:
        # In order of time the last rows test, as they will when the model is used.
        return {"kind": "temporal", "column": ordered[0], "test": 0.2}
    return {"test": 0.2, "seed": 0}


def network(rows: int, texts: bool) -> list[dict[str, Any]]:
    """Hidden layers that a table of that many rows bears.

    Thousands of token counts have weights enough without a hidden layer.
    """
    if texts:
        return []
    units, rate = next(
        ((units, rate) for most, units, rate in NETWORKS if rows <= most), LARGEST_NETWORK
    )
    layers: list[dict[str, Any]] = [
        {"Dense": {"units": count, "activation": "relu"}} for count in units
    ]
    return [*layers, {"Dropout": {"rate": rate}}] if rate else layers


def training(rows: int, texts: bool) -> dict[str, Any]:
    """How to train, the number of epochs being chosen on the folds."""
    batch = 16 if rows < 500 else 32 if rows < 5_000 else 128
    usual = 60 if rows < 5_000 else 30
    return {
        "optimizer": {"Adam": {"learning_rate": 0.01 if texts else 0.003}},
        "batch_size": batch,
        "epochs": {
            "max": epochs(rows, batch, FEWEST_TEXT_EPOCHS) if texts else usual,
            "choose": "cross_validation",
        },
    }


def epochs(rows: int, batch: int, fewest: int) -> int:
    """More of them the fewer rows there are, so that a network has begun to fit what it sees."""
    return min(MOST_EPOCHS, max(fewest, round(UPDATES * batch / rows)))


def cross_validation(task: str, classes: pd.Series) -> dict[str, Any]:
    """As many folds as the rarest class has rows for, at most five."""
    smallest = int(classes.min() * 0.8) if task in ("binary", "multiclass") else 5
    if smallest < 2:
        return {"folds": 5, "stratify": False}
    return {"folds": min(5, smallest)}


def compared_by(task: str, counts: Sequence[int]) -> dict[str, str]:
    """What decides whether a model is the better one.

    Where nearly all rows are of one class, accuracy tells hardly more than its share.

    Args:
        task: the problem type.
        counts: rows of each class.
    """
    if task not in ("binary", "multiclass"):
        return {}
    if max(counts) <= MOST_OF_ONE_CLASS * sum(counts):
        return {"compare_by": "accuracy"}
    return {"compare_by": "roc_auc" if task == "binary" else "macro_f1"}


def compare(task: str, texts: bool) -> list[str]:
    """The trivial baseline and classical models."""
    if texts:
        # Forests on thousands of token counts take minutes.
        return (
            ["majority", "LogisticRegression"]
            if task in ("binary", "multiclass")
            else ["mean", "LinearRegression"]
        )
    if task in ("binary", "multiclass"):
        return ["majority", "LogisticRegression", "RandomForestClassifier"]
    return ["mean", "LinearRegression", "RandomForestRegressor"]
