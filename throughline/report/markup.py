"""Pieces of HTML: tables, figures with their intervals, verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from throughline.report.chart import number

NAMES = {
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "r2": "R²",
    "mase": "MASE",
    "skill": "skill against persistence",
    "skill_seasonal": "skill against seasonal persistence",
}
# So many classes have roomy cells, and so many have cells with a number at all.
FEW_CLASSES, MOST_WITH_NUMBERS = 5, 12
MOODS = {
    "shown equal": "good",
    "compatible": "flat",
    "not reproduced": "bad",
    "better": "good",
    "worse": "bad",
    "not shown": "flat",
    "equal": "flat",
    "kept": "good",
    "refused": "bad",
}


def spoken(metric: str) -> str:
    """The name of a metric as a reader says it."""
    return NAMES.get(metric, metric.replace("_", " "))


def ranged(figure: Mapping[str, Any] | None, digits: int = 4) -> str:
    """A figure with its interval."""
    if figure is None:
        return '<span class="range">–</span>'
    few = figure.get("decided_by")
    rows = "1 row decides" if few == 1 else f"{few} rows decide"
    what = "no interval" if figure["low"] is None else "it may be too narrow"
    warning = f' <span class="range">({rows}; {what})</span>' if few else ""
    return f"{_short(figure['value'], digits)} {interval(figure, digits)}{warning}".rstrip()


def interval(figure: Mapping[str, Any], digits: int = 4) -> str:
    """The interval of a figure, or nothing."""
    if figure["low"] is None:
        return ""
    low, high = (_short(figure[bound], digits) for bound in ("low", "high"))
    return f'<span class="range">[{low}, {high}]</span>'


def _short(value: float, digits: int) -> str:
    if value == 0 or 0.0001 <= abs(value) < 10:
        return f"{value:.{digits}f}".replace("-", "−")
    return number(value)


def signed(difference: Mapping[str, Any]) -> str:
    """A difference with its sign and interval."""
    return f"{_change(difference['value'])} {interval(difference)}".rstrip()


def told(difference: Mapping[str, Any]) -> str:
    """What a difference shows, in words: what is not shown may still be there."""
    said: str = difference["verdict"]
    if said == "not shown" and difference["low"] is not None:
        low, high = (_change(difference[end]) for end in ("low", "high"))
        return f"not shown (could be {low} to {high})"
    if said == "equal":
        return f"equal within {difference['margin']:g}"
    return said


def _change(value: float) -> str:
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return f"{sign}{_short(abs(value), 4)}"


def judgement(difference: Mapping[str, Any]) -> str:
    """A cell with what a difference shows, in its colour."""
    return f'<td class="{MOODS[difference["verdict"]]}">{escape(told(difference))}</td>'


def verdict(name: str, note: str = "") -> str:
    """A cell with a verdict in its colour, and what is to be said beside it."""
    said = f"{name}, {note}" if note else name
    return f'<td class="{MOODS.get(name, "flat")}">{escape(said)}</td>'


def cell(content: object) -> str:
    """A cell of text; what is already markup comes as it is from the functions above."""
    return f"<td>{content}</td>"


def text(content: object) -> str:
    """A cell of text that is escaped."""
    return f"<td>{escape(str(content))}</td>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], best: int | None = None) -> str:
    """A table whose cells are made already.

    Args:
        header: the columns' names, escaped here.
        rows: cells.
        best: the position of a row to stand out.
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    lines = [
        f"<tr{' class=' + chr(34) + 'best' + chr(34) if i == best else ''}>{''.join(row)}</tr>"
        for i, row in enumerate(rows)
    ]
    body = "".join(lines)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def matrix(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A confusion matrix; the shade of a cell is its share of the row.

    Of many classes only the shades fit; the numbers then appear under the pointer.
    """
    numbers = len(names) <= MOST_WITH_NUMBERS
    size = "" if len(names) <= FEW_CLASSES else " many" if numbers else " shades"
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = []
    for name, row in zip(names, counts, strict=True):
        total = sum(row) or 1
        cells = "".join(
            f'<td style="background:rgba(var(--heat),{0.04 + 0.5 * count / total:.2f})" '
            f'title="{escape(name)} taken for {escape(taken)}: {count} ({count / total:.1%})">'
            f"{count if numbers else ''}</td>"
            for taken, count in zip(names, row, strict=True)
        )
        lines.append(f'<tr><th class="row">{escape(name)}</th>{cells}</tr>')
    return (
        f'<div class="scroll"><table class="matrix{size}">'
        f'<tr><th class="row">actual ↓ &nbsp; predicted →</th>{head}</tr>{"".join(lines)}'
        "</table></div>"
    )


def drawing(title: str, svg: str | None) -> str:
    """A plot with its caption; nothing without a plot."""
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>" if svg else ""
