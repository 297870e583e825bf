"""What a table could be used to predict, and what kind of problem that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from throughline.errors import BadData, nearest
from throughline.profile.facts import Fact

# Names that usually say what is predicted, likeliest first.
TARGET_NAMES = (
    "target", "label", "class", "outcome", "y", "price", "species", "churn", "survived",
    # Of prices of a day, of which the last column says how many were sold.
    "close",
)  # fmt: skip
USABLE = ("number", "flag", "boolean", "category")
MOST_CLASSES = 30


def chosen_target(facts: Sequence[Fact], asked: str | None, said: Mapping[str, str]) -> str:
    """The target column: the one that was asked for, a usual name, or the last that can be one.

    Args:
        facts: what is in the columns.
        asked: the column that the user names.
        said: what was noticed of the cells of columns.

    Raises:
        BadData: there is no such column, or it cannot be predicted.
    """
    names = {fact.name: fact for fact in facts}
    if asked is not None:
        if asked not in names:
            raise BadData("--target names a column of the data", asked, nearest(asked, names))
        target = names[asked]
    else:
        usual = [fact for name in TARGET_NAMES for fact in facts if fact.name.lower() == name]
        usable = [fact for fact in facts if fact.role in USABLE]
        target = (usual or usable[-1:] or facts[-1:])[0]
    if target.role not in USABLE:
        raise BadData(
            f"Column '{target.name}' must be a number or a class to be predicted",
            f"{target.role}, {target.distinct} different values"
            + (f", {target.missing} missing" if target.missing else "")
            + (f"; {said[target.name]}" if target.name in said else ""),
            "Name another one by --target",
        )
    return target.name


def task_of(target: Fact) -> str:
    """The problem type that a target column suggests."""
    if target.role in ("flag", "boolean") or target.distinct == 2:
        return "binary"
    if target.role == "category":
        return "multiclass"
    whole = float(target.low).is_integer() and float(target.high).is_integer()
    few = target.distinct <= min(MOST_CLASSES, target.rows / 20)
    if whole and few and target.high - target.low < 2 * target.distinct:
        return "multiclass"
    return "proportion" if target.low >= 0 and target.high <= 1 else "regression"
