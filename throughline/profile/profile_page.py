"""The profile of a table as one page that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from throughline.profile import profile_plots
from throughline.profile.alerts import alerts
from throughline.profile.goal import task_of
from throughline.profile.moments import times
from throughline.report import page as pages
from throughline.report.plots import bars

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from throughline.profile.facts import Fact

MOST_PLOTS = 40
MOST_IN_MATRIX = 4
MOST_CORRELATED = 30
# With more numbers a table of correlations holds shades alone.
MOST_NUMBERED = 16
MOST_GROUPS = 12


def page(
    frame: pd.DataFrame, facts: Sequence[Fact], target: str, name: str, series: bool = False
) -> str:
    """The whole page.

    Args:
        frame: the rows.
        facts: what is in its columns.
        target: the column to be predicted.
        name: of the pipeline.
        series: whether the rows are those of regular series. Default: they are a table's.
    """
    goal = next(fact for fact in facts if fact.name == target)
    task = "forecast" if series and goal.role == "number" else task_of(goal)
    classes = task in ("binary", "multiclass")
    lacking = [fact for fact in facts if fact.missing]
    measured = [fact for fact in facts if fact.role == "number"]
    shown = [f for f in facts if f.is_numeric or f.role in ("category", "boolean")]
    numbers = [fact.name for fact in facts if fact.is_numeric][:MOST_CORRELATED]
    table = frame[numbers].astype(float).corr().fillna(0.0)
    counts = frame[target].value_counts() if classes else None
    return pages.page(
        "profile/profile.html",
        "profile",
        name,
        ["profile"],
        title=f"{name}: profile",
        rows=len(frame),
        columns=facts,
        target=target,
        task=task,
        alerts=alerts(frame, facts, goal, classes, table),
        goal=_goal(frame, goal, counts),
        largest=counts.max() / counts.sum() if counts is not None else None,
        missing=profile_plots.missing(lacking) if lacking else None,
        distributions={
            fact.name: profile_plots.distribution(frame[fact.name], fact, **profile_plots.SMALL)
            for fact in shown[:MOST_PLOTS]
        },
        undrawn=len(shown) - MOST_PLOTS,
        boxes=profile_plots.boxes(frame, measured[:MOST_PLOTS]) if measured else None,
        correlations=table.to_dict("index") if len(numbers) > 1 else None,
        numbered=len(numbers) <= MOST_NUMBERED,
        pairs=_pairs(frame, measured, table, goal, classes),
        series=_series(frame, facts, goal),
        groups=_groups(frame, facts, goal, classes),
    )


def _goal(frame: pd.DataFrame, goal: Fact, counts: pd.Series | None) -> Markup:
    """The target's distribution; of classes the rows of each, in their order."""
    if counts is None:
        return profile_plots.distribution(frame[goal.name], goal)
    ordered = counts.sort_index()
    shares = [(str(value), float(count)) for value, count in ordered.items()]
    return bars(shares, "rows", f"Rows of each class of {goal.name}").svg()


def _pairs(
    frame: pd.DataFrame, measured: Sequence[Fact], table: pd.DataFrame, goal: Fact, classes: bool
) -> list[Markup]:
    """Pairs of the numbers that have most to do with the target, and the densest of them."""
    names = [fact.name for fact in measured if fact.name in table and fact.name != goal.name]
    if goal.name in table:
        strength = table[goal.name].abs()
        names = sorted(names, key=lambda name: -strength[name])
    chosen = names[:MOST_IN_MATRIX]
    drawn = []
    if len(chosen) >= 2 and (classes or goal.is_numeric):
        drawn = profile_plots.scatters(frame, chosen, goal.name, classes)
    pair = (chosen[0], goal.name) if chosen and goal.role == "number" else tuple(chosen[:2])
    dense = profile_plots.density(frame, pair[0], pair[1]) if len(pair) == 2 else None
    return [*drawn, *([dense] if dense else [])]


def _series(frame: pd.DataFrame, facts: Sequence[Fact], goal: Fact) -> Markup | None:
    if not goal.is_numeric:
        return None
    found = next(times(frame, [fact for fact in facts if fact.role == "time"]), None)
    values = frame[goal.name].to_numpy(dtype=float)
    return None if found is None else profile_plots.over_time(found[2], values, goal.name)


def _groups(
    frame: pd.DataFrame, facts: Sequence[Fact], goal: Fact, classes: bool
) -> list[dict[str, Any]]:
    """Means of the numbers for each class, and of the target for each category."""
    tables = []
    numbers = [fact.name for fact in facts if fact.role == "number" and fact.name != goal.name]
    if classes and numbers:
        means = frame.groupby(goal.name)[numbers[:MOST_GROUPS]].mean()
        tables.append(_grouped([f"mean by {goal.name}", *means.columns], means))
    if goal.is_numeric:
        for fact in facts:
            few = fact.distinct <= MOST_GROUPS
            if fact.name != goal.name and few and fact.role in ("category", "flag", "number"):
                held = frame.groupby(fact.name)[goal.name].agg(["mean", "std", "count"])
                tables.append(_grouped([fact.name, f"mean {goal.name}", "sd", "rows"], held))
    return tables


def _grouped(header: list[str], table: pd.DataFrame) -> dict[str, Any]:
    rows = [(str(key), *map(float, table.loc[key])) for key in table.index]
    return {"header": header, "rows": rows}
