"""Sections `compare`, `gates`, `slices` and `claims`: what the model is measured against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from throughline.pipeline.strict import Strict

# What a forecast is worth nothing without, simplest first.
FORECASTERS = ("persistence", "seasonal-persistence", "drift", "ETS", "linear-autoregression")
BASELINES = ("majority", "mean", "shuffled-labels", *FORECASTERS, "sign-persistence")
CLASSICAL = (
    "LogisticRegression",
    "LinearRegression",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "SVC",
    "SVR",
    "GaussianNB",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "NGram",
)


class Comparison(Strict):
    """A trivial or classical model that is trained and tested on the same rows.

    Args:
        model: a baseline such as `majority`, or a name of scikit-learn's.
        arguments: of the model, as scikit-learn's.
        cross_validate: also scores it on the folds of `cross_validation`, preprocessing refitted in
            each.
    """

    model: str
    arguments: dict[str, Any] = {}
    cross_validate: bool = False

    @field_validator("model")
    @classmethod
    def _known(cls, name: str) -> str:
        # One of several targets stands before the model: `price.mean`.
        if name.rpartition(".")[2] not in BASELINES + CLASSICAL:
            from throughline.errors import nearest

            raise ValueError(
                f"no comparison model '{name}'. {nearest(name, BASELINES + CLASSICAL)}"
            )
        return name


def short_comparison(value: Any) -> Any:
    """The long form of `majority` or `{SVC: {C: 1}}`."""
    if isinstance(value, str):
        return {"model": value}
    if isinstance(value, dict) and len(value) == 1 and "model" not in value:
        ((name, arguments),) = value.items()
        return {"model": name, "arguments": arguments or {}}
    return value


class CompareBy(Strict):
    """By which figure models are compared, and below which difference they count as equal.

    Args:
        metric: the figure.
        margin: in units of the figure: a difference whose whole interval lies within it is `equal`.
    """

    metric: str
    margin: float | None = Field(default=None, gt=0)


def short_compare_by(value: Any) -> Any:
    """The long form of `compare_by: roc_auc`."""
    return {"metric": value} if isinstance(value, str) else value


# `lower(accuracy)` is the lower end of the interval of a figure.
LIMIT = re.compile(r"(lower|upper)\((.+)\)")


def limited(name: str) -> str:
    """The figure whose end a gate such as `lower(accuracy)` names, or the name itself."""
    match = LIMIT.fullmatch(name)
    return match.group(2) if match else name


BOUND = re.compile(r"\s*(>=|<=|>|<)\s*(-?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)\s*")


class Gates(Strict):
    """What must hold before a model may be released: `beat` a baseline, and bounds on metrics.

    Written without `metrics`: `{beat: majority, accuracy: ">= 0.95"}`.

    Args:
        beat: models of `compare` that must be worse.
        metrics: bounds such as `">= 0.95"`; a metric may be the `lower(...)` or `upper(...)` end of
            a figure's 95 % interval: what it is at least, or at most, whatever the test rows.
    """

    beat: list[str] = []
    metrics: dict[str, str] = {}

    @field_validator("metrics")
    @classmethod
    def _bounds(cls, metrics: dict[str, str]) -> dict[str, str]:
        for name, bound in metrics.items():
            if not BOUND.fullmatch(bound):
                raise ValueError(f"'{name}' needs a bound such as '>= 0.95', found '{bound}'")
        return metrics


def short_gates(value: Any) -> Any:
    """The long form of `gates: {beat: majority, accuracy: ">= 0.95"}`."""
    if not isinstance(value, dict) or "metrics" in value:
        return value
    beat = value.get("beat", [])
    bounds = {
        name: str(bound) if isinstance(bound, (int, float)) else bound
        for name, bound in value.items()
        if name != "beat"
    }
    return {"beat": [beat] if isinstance(beat, str) else beat, "metrics": bounds}


class Claim(Strict):
    """A figure that a text prints, to be tested.

    Args:
        text: that prints it.
        at: its place in the text.
        metric: the figure.
        value: as it is printed.
        variant: whose figure it is. Default: the pipeline itself.
        sweep: whose point it is on.
        point: as many settings of the sweep as tell the point from the others.
        sd: the spread of the text's own runs.
        tolerance: the distance at which we still call it equal, in the place of the margin of its
            metric, where a `reason` says why.
        erratum: what is known to be wrong with the figure.
        reason: why an honest protocol gives another one.
        stand_in: our rows are others than the text's, so that neither verdict says anything of it.
    """

    text: str
    at: str
    metric: str
    value: float
    variant: str = "main"
    sweep: str | None = None
    point: dict[str, Any] = {}
    sd: float | None = Field(default=None, ge=0)
    tolerance: float | None = Field(default=None, ge=0)
    erratum: str = ""
    reason: str = ""
    stand_in: bool = False

    @model_validator(mode="after")
    def _a_point_of_a_sweep(self) -> Claim:
        if (self.sweep is None) != (not self.point):
            raise ValueError("'sweep' and 'point' belong together")
        if self.sweep is not None and self.variant != "main":
            raise ValueError("'variant' has no effect beside 'sweep', which has its own 'base'")
        if self.sweep is not None and not self.metric.startswith(("cv_", "train_")):
            raise ValueError(
                "no test row meets a sweep; write 'cv_' or, with the sweep's 'refit', 'train_' "
                f"before '{self.metric}'"
            )
        return self


def fits(point: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether a claim's point is that of these settings."""
    return all(path in settings and settings[path] == value for path, value in point.items())


class Slice(Strict):
    """A part of the test rows with metrics of its own: each value of a column, or its quantiles.

    Args:
        column: whose values are told apart.
        quantiles: how many parts of a number. Default: each value is one.
    """

    column: str
    quantiles: int | None = Field(default=None, ge=2)
