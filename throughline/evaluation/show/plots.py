"""The plots of the report: learning curve, calibration, ROC, residuals, boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.measure.calibration import roc
from throughline.evaluation.measure.forecast import Forecasts
from throughline.evaluation.outcome import Outcome
from throughline.evaluation.show.forecast_plots import forecast_plots
from throughline.evaluation.show.shown import shown
from throughline.report.chart import Chart, bounds, number

if TYPE_CHECKING:
    from throughline.evaluation.branch import Judged
    from throughline.paths import Workspace

MOST_POINTS = 1000
BARS = 24
# Branches whose boundary is drawn; each picture takes 40 KB of the page.
MOST_BOUNDARIES = 6


def learning_curve(curves: dict[str, list[float]], chosen: float | None) -> str:
    """Loss by epoch, the mean of the folds, with the epoch that was chosen before the last."""
    training, validation = curves["loss"], curves["val_loss"]
    epochs = len(training)
    low, high = bounds([v for v in (*training, *validation) if v is not None])
    floor = 0.0 if min(training + validation) >= 0 else low
    chart = Chart((1, max(epochs, 2)), (floor, high), "epoch", "loss", f"Loss over {epochs} epochs")
    chart.line(list(enumerate(training, 1)), "line a", "training rows")
    chart.line(list(enumerate(validation, 1)), "line b", "validation rows (mean of the folds)")
    if chosen is not None and chosen < epochs:
        chart.mark(chosen, f"epoch {number(chosen)}")
    return chart.svg()


def reliability(calibration: dict[str, Any], task: str) -> str:
    """How often what was called probable came true; the larger the dot, the more rows."""
    what = "probability of the chosen class" if task == "multiclass" else "predicted probability"
    chart = Chart((0, 1), (0, 1), what, "share that came true", "Calibration")
    chart.line([(0, 0), (1, 1)], "line ideal", "perfect")
    points = [(entry["probability"], entry["observed"]) for entry in calibration["bins"]]
    chart.line(points, "line a", "this model")
    most = max(entry["rows"] for entry in calibration["bins"])
    for entry, point in zip(calibration["bins"], points, strict=True):
        # The area of a dot is the number of rows in the bin.
        chart.dots([point], "a", round(2 + 5 * (entry["rows"] / most) ** 0.5, 1))
    return chart.svg()


def roc_curve(outcome: Outcome) -> str | None:
    """True against false positives over all thresholds; None with one class only."""
    points = [(x, y) for x, y, _ in roc(outcome)]
    if not points:
        return None
    chart = Chart((0, 1), (0, 1), "false positive rate", "true positive rate", "ROC curve")
    chart.line([(0, 0), (1, 1)], "line ideal", "chance")
    chart.line(points, "line a", "this model")
    return chart.svg()


def predicted_against_actual(outcome: Outcome, unit: str) -> str:
    """A dot a row, on the line where the prediction is right."""
    actual, predicted = outcome.actual[:, 0], outcome.predicted[:, 0]
    step = -(-len(actual) // MOST_POINTS)
    pairs = np.column_stack([actual, predicted])[::step].tolist()
    span = bounds([value for pair in pairs for value in pair])
    suffix = f" ({unit})" if unit else ""
    chart = Chart(span, span, f"actual{suffix}", f"predicted{suffix}", "Predicted against actual")
    chart.line([(span[0], span[0]), (span[1], span[1])], "line ideal", "perfect")
    chart.dots([(x, y) for x, y in pairs], "a", 2.2, "a row")
    return chart.svg()


def residual_histogram(outcome: Outcome, unit: str) -> str:
    """How many rows are off by how much."""
    errors = outcome.predicted[:, 0] - outcome.actual[:, 0]
    counts, edges = np.histogram(errors, BARS, bounds(errors.tolist(), 0.01))
    suffix = f" ({unit})" if unit else ""
    chart = Chart(
        (float(edges[0]), float(edges[-1])),
        (0, float(counts.max()) * 1.05),
        f"predicted − actual{suffix}",
        "rows",
        "Histogram of the residuals",
    )
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        hint = f"{number(float(low))} to {number(float(high))}: {count} rows"
        chart.bar(float(low), float(high), float(count), "a", hint)
    return chart.svg()


def plotted(
    workspace: Workspace,
    branches: Mapping[str, Judged],
    report: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> dict[str, Any]:
    """Every plot that fits the task, and the sweeps."""
    from throughline.evaluation.show.boundary import decision_boundary

    main, outcome = report["branches"]["main"], branches["main"].outcome
    sizes = {name: (scores.get(name) or {}).get("learning_curve", []) for name in branches}
    plots: dict[str, Any] = {"sweeps": scores.get("sweeps") or {}, "sizes": sizes}
    if main["curves"] and len(main["curves"]["loss"]) > 1:
        chosen = main["metrics"].get("epochs", {}).get("value")
        plots["learning_curve"] = learning_curve(main["curves"], chosen)
    rounded = shown(outcome)
    if isinstance(rounded, Forecasts):
        return plots | forecast_plots(rounded, main, report["target"]["unit"])
    if outcome.task in ("regression", "proportion"):
        unit = report["target"]["unit"]
        plots["predicted"] = predicted_against_actual(rounded, unit)
        plots["residuals"] = residual_histogram(rounded, unit)
        return plots
    if main["calibration"]:
        plots["calibration"] = reliability(main["calibration"], outcome.task)
    if outcome.task == "binary":
        plots["roc"] = roc_curve(outcome)
    if main.get("mistakes"):
        from throughline.evaluation.show import gallery

        rows, network = branches["main"].parts.evaluated, workspace.networks / "main"
        model = workspace.model_of("main")
        plots["pictures"] = gallery.drawn(model, outcome, rows, main["mistakes"], network)
    boundaries = {}
    for name, branch in list(branches.items())[:MOST_BOUNDARIES]:
        svg = decision_boundary(workspace.model_of(name), branch.parts, branch.outcome)
        if svg is not None:
            boundaries[name] = svg
    return plots | {"boundaries": boundaries}
