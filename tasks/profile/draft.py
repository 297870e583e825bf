"""From the facts of a table to a pipeline file that runs as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.errors import BadData, listed, nearest
from tasks.profile.facts import Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

# Names that usually say what is predicted, likeliest first.
TARGET_NAMES = ("target", "label", "class", "outcome", "y", "price", "species", "churn", "survived")
MOST_CLASSES = 30
FEWEST_IN_PATTERN = 16
FEWEST_ROWS = 10
# Rows -> units of the hidden layers and share of dropout: small tables bear small networks only.
NETWORKS = ((500, (8,), 0.0), (5_000, (16, 8), 0.0), (50_000, (64, 32), 0.2))
LARGEST_NETWORK = ((128, 64), 0.2)
LARGE_SKEWNESS = 2.0


@dataclass
class Draft:
    """A pipeline file in the making.

    Attributes:
        sections: what the file holds.
        notes: for the user, such as columns that were left out and why.
    """

    sections: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def chosen_target(facts: Sequence[Fact], asked: str | None) -> str:
    """The target column: the one that was asked for, a usual name, or the last column.

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
        target = (usual or [facts[-1]])[0]
    usable = target.role in ("number", "flag", "boolean", "category")
    if not usable:
        raise BadData(
            f"Column '{target.name}' must be a number or a class to be predicted",
            f"{target.role}, {target.distinct} different values",
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


def drafted(
    frame: pd.DataFrame, facts: Sequence[Fact], target: str, source: dict[str, Any], title: str
) -> Draft:
    """The sections of a pipeline file for a table.

    Args:
        frame: the rows.
        facts: what is in its columns.
        target: the column to predict.
        source: the section `source`.
        title: what the pipeline is called.

    Raises:
        BadData: no column is left that could be a feature.
    """
    goal = next(fact for fact in facts if fact.name == target)
    task = task_of(goal)
    draft = Draft({"title": title, "task": task, "source": source, "target": target})
    if task == "regression":
        draft.sections["target"] = {"column": target, "scale": "standard"}
    features = [fact for fact in facts if fact.name != target]
    columns = _columns(features, draft.notes)
    for name, why in _leaks(frame, columns, target, task):
        del columns[name]
        draft.notes.append(f"{name} is left out: {why}")
    if not columns:
        raise BadData(
            f"At least one column beside '{target}' must be a number or a category",
            listed(f"{fact.name} ({fact.role})" for fact in features),
            "A series alone needs windows; see the documentation of `time`",
        )
    classes = frame[target].dropna().value_counts()
    rows = goal.rows - goal.missing
    if rows < FEWEST_ROWS:
        raise BadData(f"At least {FEWEST_ROWS} rows are needed", rows)
    draft.sections |= {
        "columns": _with_patterns(columns, features),
        "expectations": _expectations(facts, target),
        "split": _split(features, target, task, classes),
        "network": _network(rows),
        "training": _training(rows),
        "cross_validation": _cross_validation(task, classes),
        "compare": _compare(task),
        "gates": {"beat": _compare(task)[0]},
    }
    return draft


def _columns(features: Sequence[Fact], notes: list[str]) -> dict[str, dict[str, Any] | None]:
    columns: dict[str, dict[str, Any] | None] = {}
    reasons = {
        "identifier": "another value in nearly every row",
        "text": "free text",
        "time": "a time, which a row says nothing by alone",
        "constant": "always the same value",
        "empty": "no value at all",
        "other": "arrays or bytes",
    }
    for fact in features:
        if fact.role in reasons:
            notes.append(f"{fact.name} is left out: {reasons[fact.role]}")
        elif fact.role == "number":
            impute = {"impute": "median"} if fact.missing else {}
            skewed = fact.low >= 0 and fact.skewness > LARGE_SKEWNESS
            log = {"log": "plus-one"} if skewed else {}
            columns[fact.name] = {**impute, **log, "scale": "standard"}
        elif fact.role == "flag" or fact.role == "boolean":
            columns[fact.name] = {"impute": "most-frequent"} if fact.missing else None
        else:
            filled = {"impute": {"constant": "missing"}} if fact.missing else {}
            columns[fact.name] = {**filled, "encode": "one-hot"}
    return columns


def _leaks(
    frame: pd.DataFrame, columns: dict[str, Any], target: str, task: str
) -> list[tuple[str, str]]:
    """Columns that the guards would refuse as the target in disguise."""
    import numpy as np

    from tasks.config.columns import Target
    from tasks.config.protocol import Guards, Split
    from tasks.guards.examine import examine

    off = dict.fromkeys(set(Guards.model_fields) - {"target_in_disguise", "grouped_by"}, "off")
    split = Split(guards=Guards.model_validate(off))
    parts = np.full(len(frame), "training")
    found = examine(frame, parts, list(columns), Target(columns=[target]), task, split)
    return [
        (name, finding.message)
        for finding in found
        if not finding.passed and finding.verdict == "stop"
        for name in finding.columns
    ]


def _with_patterns(
    columns: dict[str, dict[str, Any] | None], features: Sequence[Fact]
) -> dict[str, dict[str, Any] | None]:
    """Many columns called alike, as pixel_0 ... pixel_63, become one pattern with one scale."""
    families: dict[str, list[Fact]] = {}
    for fact in features:
        prefix = re.sub(r"\d+$", "", fact.name)
        if prefix != fact.name and fact.role in ("number", "flag", "constant") and not fact.missing:
            families.setdefault(prefix, []).append(fact)
    result = dict(columns)
    for prefix, members in families.items():
        like = [name for name in columns if name.startswith(prefix)]
        if len(members) < FEWEST_IN_PATTERN or min(fact.low for fact in members) < 0:
            continue
        if len(like) > len(members):
            continue
        for name in like:
            del result[name]
        high = max(fact.high for fact in members)
        result[f"{prefix}*"] = {"scale": {"constant": {"divide": high or 1.0}}}
    return result


def _expectations(facts: Sequence[Fact], target: str) -> dict[str, Any]:
    """What holds of the rows today, so that rows that differ are noticed."""
    rules: list[dict[str, Any]] = [
        {"expect_table_columns_to_match_set": {"column_set": [fact.name for fact in facts]}}
    ]
    for fact in facts:
        column: dict[str, Any] = {"column": fact.name}
        if fact.role in ("other", "empty"):
            continue
        if not fact.missing or fact.name == target:
            rules.append({"expect_column_values_to_not_be_null": column})
        if fact.is_numeric:
            bounds = {"min_value": fact.low, "max_value": fact.high}
            rules.append({"expect_column_values_to_be_between": column | bounds})
        elif fact.role == "category":
            values = sorted(fact.counts)
            rules.append({"expect_column_values_to_be_in_set": column | {"value_set": values}})
    missing = next(fact for fact in facts if fact.name == target).missing
    if not missing:
        return {"rules": rules}
    rows = facts[0].rows
    limit = min(1.0, round(missing / rows + 0.01, 2))
    return {"on_failure": "quarantine", "limit": limit, "rules": rules}


def _split(features: Sequence[Fact], target: str, task: str, classes: pd.Series) -> dict[str, Any]:
    ordered = [fact.name for fact in features if fact.role == "time"]
    if task in ("binary", "multiclass"):
        if classes.min() >= 2:
            return {"test": 0.2, "stratify": target, "seed": 0}
        return {"test": 0.2, "seed": 0, "guards": {"unseen_classes": "warn"}}
    if ordered:
        # In order of time the last rows test, as they will when the model is used.
        return {"kind": "temporal", "column": ordered[0], "test": 0.2}
    return {"test": 0.2, "seed": 0}


def _network(rows: int) -> list[dict[str, Any]]:
    units, rate = next(
        ((units, rate) for most, units, rate in NETWORKS if rows <= most), LARGEST_NETWORK
    )
    layers: list[dict[str, Any]] = [
        {"Dense": {"units": count, "activation": "relu"}} for count in units
    ]
    return [*layers, {"Dropout": {"rate": rate}}] if rate else layers


def _training(rows: int) -> dict[str, Any]:
    return {
        "optimizer": {"Adam": {"learning_rate": 0.003}},
        "batch_size": 16 if rows < 500 else 32 if rows < 5_000 else 128,
        "epochs": {"max": 60 if rows < 5_000 else 30, "choose": "cross_validation"},
    }


def _cross_validation(task: str, classes: pd.Series) -> dict[str, Any]:
    smallest = int(classes.min() * 0.8) if task in ("binary", "multiclass") else 5
    if smallest < 2:
        return {"folds": 5, "stratify": False}
    return {"folds": min(5, smallest)}


def _compare(task: str) -> list[str]:
    if task in ("binary", "multiclass"):
        return ["majority", "LogisticRegression", "RandomForestClassifier"]
    return ["mean", "LinearRegression", "RandomForestRegressor"]


def as_text(draft: Draft) -> str:
    """The pipeline file, one line a setting, with the notes as comments."""
    import yaml

    def flow(value: Any) -> str:
        text = yaml.safe_dump(
            value, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True
        )
        return text.removesuffix("\n").removesuffix("\n...")

    lines = []
    for key, value in draft.sections.items():
        if key == "columns":
            lines += [f"# {note}" for note in draft.notes]
        if key in ("columns", "training"):
            entries = [(flow(name), inner) for name, inner in value.items()]
            lines.append(f"{key}:")
            lines += [f"  {k}: {flow(v)}" if v is not None else f"  {k}:" for k, v in entries]
        elif key == "network":
            lines += [f"{key}:", *(f"  - {flow(layer)}" for layer in value)]
        elif key == "expectations":
            lines.append(f"{key}:")
            lines += [f"  {k}: {flow(v)}" for k, v in value.items() if k != "rules"]
            lines += ["  rules:", *(f"    - {flow(rule)}" for rule in value["rules"])]
        else:
            lines.append(f"{key}: {flow(value)}")
    return "\n".join(lines) + "\n"
