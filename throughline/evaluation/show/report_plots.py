"""The plots of the report: learning curve, calibration, ROC, residuals, boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.measure.calibration import roc
from throughline.evaluation.measure.forecast import Forecasts
from throughline.evaluation.measure.reconstruction import row_errors
from throughline.evaluation.outcome import Outcome
from throughline.evaluation.show.forecast_plots import forecast_plots
from throughline.evaluation.show.shown import shown
from throughline.evaluation.show.sizes import sizes
from throughline.evaluation.show.sweeps import prepared
from throughline.preprocessing.graph.answers import ERROR
from throughline.report.chart import Chart, bounds, number
from throughline.report.markup import spoken
from throughline.report.plots import bars, histogram

if TYPE_CHECKING:
    from markupsafe import Markup

    from throughline.evaluation.branch import Judged
    from throughline.paths import Workspace

MOST_POINTS = 1000
# Columns of which it is drawn how much they weigh.
MOST_COLUMNS = 30
BARS = 24
# Branches whose boundary is drawn; each picture takes 40 KB of the page.
MOST_BOUNDARIES = 6


def learning_curve(curves: dict[str, list[float]], chosen: float | None) -> Markup:
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


def reliability(calibration: dict[str, Any], task: str) -> Markup:
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


def roc_curve(outcome: Outcome) -> Markup | None:
    """True against false positives over all thresholds; None with one class only."""
    points = [(x, y) for x, y, _ in roc(outcome)]
    if not points:
        return None
    chart = Chart((0, 1), (0, 1), "false positive rate", "true positive rate", "ROC curve")
    chart.line([(0, 0), (1, 1)], "line ideal", "chance")
    chart.line(points, "line a", "this model")
    return chart.svg()


def predicted_against_actual(outcome: Outcome, unit: str) -> Markup:
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


def residual_histogram(outcome: Outcome, unit: str) -> Markup:
    """How many rows are off by how much."""
    errors = outcome.predicted[:, 0] - outcome.actual[:, 0]
    counts, edges = np.histogram(errors, BARS, bounds(errors.tolist(), 0.01))
    suffix = f" ({unit})" if unit else ""
    return histogram(
        counts.tolist(), edges.tolist(), f"predicted − actual{suffix}", "Histogram of the residuals"
    ).svg()


def row_error_histogram(outcome: Outcome) -> Markup:
    """How many rows a network gives back how well."""
    errors = row_errors(outcome)
    counts, edges = np.histogram(errors, BARS, bounds(errors.tolist(), 0.01))
    words = "Histogram of the rows' errors"
    return histogram(counts.tolist(), edges.tolist(), ERROR.replace("_", " "), words).svg()


def plotted(
    workspace: Workspace,
    branches: Mapping[str, Judged],
    report: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that the page draws.

    Returns:
        `drawings` by their captions, `boundaries` by branch, `pictures`, `weighs`, `sweeps` and
        `sizes` as the templates take them.
    """
    from throughline.evaluation.show.boundary import decision_boundary

    main, outcome = report["branches"]["main"], branches["main"].outcome
    parts, rounded = branches["main"].parts, shown(outcome)
    plots: dict[str, Any] = {
        "sweeps": prepared(scores.get("sweeps") or {}),
        "sizes": sizes(report, {name: (scores.get(name) or {}) for name in branches}),
        "weighs": weights(main.get("weighs")),
        "drawings": _drawings(rounded, main, report["target"]["unit"]),
        "pictures": None,
        "boundaries": {},
    }
    if parts.target.name:
        # What looks into the model's answers knows those of one target.
        return plots
    if main.get("mistakes"):
        from throughline.evaluation.show import gallery

        network, model = workspace.networks / "main", workspace.model_of("main")
        found = main["mistakes"]
        plots["pictures"] = gallery.drawn(model, outcome, parts.evaluated, found, network)
    for name, branch in list(branches.items())[:MOST_BOUNDARIES]:
        svg = decision_boundary(workspace.model_of(name), branch.parts, branch.outcome)
        if svg is not None:
            plots["boundaries"][name] = svg
    return plots


def _drawings(outcome: Outcome, main: Mapping[str, Any], unit: str) -> dict[str, Markup | None]:
    """The plots of the answers and of the training, by their captions."""
    drawings: dict[str, Markup | None] = {}
    if main["curves"] and len(main["curves"]["loss"]) > 1:
        chosen = main["metrics"].get("epochs", {}).get("value")
        drawings["Learning curve"] = learning_curve(main["curves"], chosen)
    if isinstance(outcome, Forecasts):
        return drawings | forecast_plots(outcome, main, unit)
    if outcome.reconstruction is not None:
        drawings["Errors of rows"] = row_error_histogram(outcome)
    elif outcome.task in ("regression", "proportion"):
        drawings["Predicted against actual"] = predicted_against_actual(outcome, unit)
        drawings["Residuals"] = residual_histogram(outcome, unit)
    elif main["calibration"]:
        drawings[_calibrated(main["calibration"])] = reliability(main["calibration"], outcome.task)
    if outcome.task == "binary":
        drawings["ROC curve"] = roc_curve(outcome)
    return drawings


def _calibrated(found: Mapping[str, Any]) -> str:
    """The error beside the one that right probabilities have for so few rows."""
    return (
        f"Calibration, expected error {found['expected_error']:.3f}; right probabilities give "
        f"{found['if_perfect']:.3f}, at most {found['at_most_if_perfect']:.3f} in 95 %"
    )


def weights(found: list[dict[str, Any]] | None) -> Markup | None:
    """By how much each column's shuffling hurts, the largest on top."""
    if not found:
        return None
    values = [(entry["column"], entry["value"]) for entry in found[:MOST_COLUMNS]]
    metric = spoken(found[0]["metric"])
    words = f"What weighs most: {', '.join(name for name, _ in values[:3])}"
    return bars(values, f"{metric} with the column shuffled − without", words).svg()
