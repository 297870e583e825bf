"""The tables beside the report, as CSV files that `dvc plots` and spreadsheets read."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.evaluation.measure import calibration
from throughline.evaluation.measure.forecast import Forecasts
from throughline.evaluation.outcome import Outcome
from throughline.evaluation.show.shown import shown
from throughline.figures.rounding import rounded
from throughline.serving.rows.writing import harmless

RELIABILITY = ("low", "high", "rows", "probability", "observed")
ROC = ("false_positive_rate", "true_positive_rate", "threshold")


def write_tables(folder: Path, outcome: Outcome, report: dict[str, Any]) -> None:
    """Write predictions.csv and what fits the task: confusion, ROC, calibration, residuals.

    Args:
        folder: of the report.
        outcome: the answers.
        report: what report.json says of the branch.
    """
    rows = shown(outcome.in_units())
    if isinstance(rows, Forecasts):
        write_forecast(folder, rows, report)
    elif outcome.task in ("regression", "proportion"):
        _write_numbers(folder, rows)
    elif outcome.task == "multilabel":
        _write_labels(folder, rows)
    else:
        _write_classes(folder, rows)
        if "confusion" in report:
            _write_confusion(folder, outcome, report["confusion"])
    if report.get("calibration"):
        bins = report["calibration"]["bins"]
        lines = ([entry[name] for name in RELIABILITY] for entry in bins)
        _write(folder / "calibration.csv", RELIABILITY, lines)
    if outcome.task == "binary":
        _write(folder / "roc.csv", ROC, calibration.roc(outcome))


def write_forecast(folder: Path, outcome: Forecasts, report: dict[str, Any]) -> None:
    """The error by horizon, and truth and prediction at each of them."""
    entries = report["horizons"]
    _write(folder / "horizons.csv", list(entries[0]), (list(e.values()) for e in entries))
    origins = [values.tolist() for values in outcome.origins.values()]
    pairs = np.stack([outcome.by_target(outcome.actual), outcome.by_target(outcome.predicted)], -1)
    # Outcomes are named by target and horizon, all targets of the first one before the next.
    targets = [name.removesuffix(f"+{outcome.horizons[0]}") for name in outcome.names]
    several = pairs.shape[2] > 1
    suffixes = [f" {name}" for name in targets[: pairs.shape[2]]] if several else [""]
    answers = [f"{part}{suffix}" for suffix in suffixes for part in ("actual", "predicted")]
    lines = (
        [*window, horizon, *values.ravel().tolist()]
        for *window, of_window in zip(*origins, pairs, strict=True)
        for horizon, values in zip(outcome.horizons, of_window, strict=True)
    )
    _write(folder / "forecast.csv", (*outcome.origins, "horizon", *answers), lines)


def _write_classes(folder: Path, outcome: Outcome) -> None:
    assert outcome.probabilities is not None
    sure = outcome.probabilities[np.arange(len(outcome)), outcome.predicted]
    if outcome.task == "binary":
        sure = outcome.probabilities[:, -1]
    names = outcome.names
    lines = (
        (names[a], names[p], s)
        for a, p, s in zip(outcome.actual, outcome.predicted, sure.tolist(), strict=True)
    )
    _write(folder / "predictions.csv", ("actual", "predicted", "probability"), lines)


def _write_confusion(folder: Path, outcome: Outcome, counts: list[list[int]]) -> None:
    """One line a cell: what a plot of a matrix needs and a spreadsheet pivots."""
    lines = (
        (actual, predicted, count)
        for actual, row in zip(outcome.names, counts, strict=True)
        for predicted, count in zip(outcome.names, row, strict=True)
    )
    _write(folder / "confusion.csv", ("actual", "predicted", "rows"), lines)


def _write_labels(folder: Path, outcome: Outcome) -> None:
    assert outcome.probabilities is not None
    header = [f"{part} {name}" for name in outcome.names for part in ("actual", "predicted")]
    pairs = np.stack([outcome.actual, outcome.predicted], axis=2).reshape(len(outcome), -1)
    _write(folder / "predictions.csv", header, pairs.tolist())


def _write_numbers(folder: Path, outcome: Outcome) -> None:
    several = len(outcome.names) > 1
    header: list[str] = []
    columns = []
    for i, name in enumerate(outcome.names):
        suffix = f" {name}" if several else ""
        header += [f"actual{suffix}", f"predicted{suffix}", f"residual{suffix}"]
        actual, predicted = outcome.actual[:, i], outcome.predicted[:, i]
        columns += [actual, predicted, predicted - actual]
    _write(folder / "residuals.csv", header, np.column_stack(columns).tolist())


def _write(path: Path, header: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        # Names of classes and series come from data, and spreadsheets run formulas.
        writer.writerow(harmless(header))
        writer.writerows(harmless(rounded(line)) for line in lines)
