"""The profile of a table as one page that opens without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from throughline.profile import plots
from throughline.profile.goal import task_of

if TYPE_CHECKING:
    import pandas as pd

    from throughline.profile.facts import Fact

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#222}
table{border-collapse:collapse;font-size:.88rem}th,td{text-align:right;padding:.2rem .6rem;
border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}
.plots{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0}figcaption{font-weight:600}
svg{max-width:100%;height:auto}
"""
MOST_PLOTS = 40
MOST_IN_MATRIX = 4
MOST_CORRELATED = 30
MOST_GROUPS = 12


def page(frame: pd.DataFrame, facts: Sequence[Fact], target: str, name: str) -> str:
    """The whole page.

    Args:
        frame: the rows.
        facts: what is in its columns.
        target: the column to be predicted.
        name: of the pipeline.
    """
    goal = next(fact for fact in facts if fact.name == target)
    task = task_of(goal)
    numbers = [fact for fact in facts if fact.role == "number"]
    sections = [
        ("Columns", _columns(facts)),
        ("Target", f"<p>{escape(target)}: {task}</p>" + _balance(frame, goal, task)),
        ("Missing values", _missing(facts)),
        ("Distributions", _distributions(frame, facts)),
        ("Spread and outliers", plots.boxes(frame, numbers[:MOST_PLOTS]) if numbers else ""),
        ("Correlations", _correlations(frame, facts, goal, task)),
        ("Over time", _series(frame, facts, goal)),
        ("Groups", _groups(frame, facts, goal, task)),
    ]
    body = "".join(f"<h2>{title}</h2>{content}" for title, content in sections if content)
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f"<title>{escape(name)}: profile</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(name)}: profile</h1><p>{len(frame):,} rows, {frame.shape[1]} columns</p>"
        f"{body}</body></html>\n"
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(str(cell))}</th>" for cell in header)
    lines = (
        "<tr>" + "".join(f"<td>{escape(_cell(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _columns(facts: Sequence[Fact]) -> str:
    header = ("column", "role", "missing", "distinct", "min", "first quartile", "median",
              "third quartile", "max", "mean", "sd", "outliers")  # fmt: skip
    rows = []
    for fact in facts:
        known: tuple[Any, ...] = (fact.name, fact.role, fact.missing, fact.distinct)
        if fact.is_numeric:
            known += (fact.low, fact.quartiles[0], fact.median, fact.quartiles[1], fact.high)
            known += (fact.mean, fact.sd, fact.outliers)
        rows.append((*known, *[""] * (len(header) - len(known))))
    return _table(header, rows)


def _balance(frame: pd.DataFrame, goal: Fact, task: str) -> str:
    if task not in ("binary", "multiclass"):
        return plots.distribution(frame[goal.name], goal)
    counts = frame[goal.name].value_counts().sort_index()
    total = int(counts.sum())
    rows = [(str(value), int(n), f"{n / total:.1%}") for value, n in counts.items()]
    largest = counts.max() / total
    text = f"<p>Whoever always says the most frequent class is right in {largest:.1%}.</p>"
    return _table(("class", "rows", "share"), rows) + text


def _missing(facts: Sequence[Fact]) -> str:
    lacking = [fact for fact in facts if fact.missing]
    return plots.missing(lacking) if lacking else "<p>None.</p>"


def _distributions(frame: pd.DataFrame, facts: Sequence[Fact]) -> str:
    shown = [f for f in facts if f.is_numeric or f.role in ("category", "boolean")]
    figures = "".join(
        f"<figure><figcaption>{escape(fact.name)}</figcaption>"
        f"{plots.distribution(frame[fact.name], fact)}</figure>"
        for fact in shown[:MOST_PLOTS]
    )
    rest = len(shown) - MOST_PLOTS
    more = f"<p>{rest} more columns are not drawn.</p>" if rest > 0 else ""
    return f"<div class=plots>{figures}</div>{more}" if figures else ""


def _correlations(frame: pd.DataFrame, facts: Sequence[Fact], goal: Fact, task: str) -> str:
    numbers = [fact.name for fact in facts if fact.is_numeric][:MOST_CORRELATED]
    if len(numbers) < 2:
        return ""
    table = frame[numbers].astype(float).corr().fillna(0.0)
    parts = [plots.correlations(table)]
    features = [name for name in numbers if name != goal.name]
    measured = [fact.name for fact in facts if fact.role == "number" and fact.name in features]
    if goal.name in numbers:
        strength = table[goal.name].abs()
        measured = sorted(measured, key=lambda name: -strength[name])
    chosen = measured[:MOST_IN_MATRIX]
    classes = task in ("binary", "multiclass")
    drawable = classes or goal.is_numeric
    if len(chosen) >= 2 and drawable:
        parts.append(plots.scatter_matrix(frame, chosen, goal.name, classes))
    pair = (chosen[0], goal.name) if chosen and goal.role == "number" else tuple(chosen[:2])
    if len(pair) == 2:
        parts.append(plots.hexbin(frame, pair[0], pair[1]))
    return f"<div class=plots>{''.join(parts)}</div>"


def _series(frame: pd.DataFrame, facts: Sequence[Fact], goal: Fact) -> str:
    times = [fact.name for fact in facts if fact.role == "time"]
    return plots.over_time(frame, times[0], goal.name) if times and goal.is_numeric else ""


def _groups(frame: pd.DataFrame, facts: Sequence[Fact], goal: Fact, task: str) -> str:
    """Means of the numbers for each class, and of the target for each category."""
    tables = []
    numbers = [fact.name for fact in facts if fact.role == "number" and fact.name != goal.name]
    if task in ("binary", "multiclass") and numbers:
        means = frame.groupby(goal.name)[numbers[:MOST_GROUPS]].mean()
        rows = [(str(key), *map(float, means.loc[key])) for key in means.index]
        tables.append(_table((f"mean by {goal.name}", *means.columns), rows))
    if goal.is_numeric:
        for fact in facts:
            few = fact.distinct <= MOST_GROUPS
            if fact.name != goal.name and few and fact.role in ("category", "flag", "number"):
                held = frame.groupby(fact.name)[goal.name].agg(["mean", "std", "count"])
                rows = [(str(key), *map(float, held.loc[key])) for key in held.index]
                tables.append(_table((fact.name, f"mean {goal.name}", "sd", "rows"), rows))
    return "".join(f"<p>{table}</p>" for table in tables)
