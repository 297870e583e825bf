"""Sections `compare`, `gates`, `slices` and `claims`: what the model is measured against."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from tasks.config.strict import Strict

BASELINES = (
    "majority",
    "mean",
    "shuffled-labels",
    "persistence",
    "seasonal-persistence",
    "sign-persistence",
)
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
    """A trivial or classical model that is trained on the same rows and tested on the same rows."""

    model: str
    arguments: dict[str, Any] = {}

    @field_validator("model")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in BASELINES + CLASSICAL:
            from tasks.errors import nearest

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


BOUND = re.compile(r"\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?(?:e-?\d+)?)\s*")


class Gates(Strict):
    """What must hold before a model may be released: `beat` a baseline, and bounds on metrics."""

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
    bounds = {name: bound for name, bound in value.items() if name != "beat"}
    return {"beat": [beat] if isinstance(beat, str) else beat, "metrics": bounds}


class Claim(Strict):
    """A figure that a text prints, to be tested.

    `tolerance` is the distance at which we still call it reproduced; without it, the text's own
    `sd` and our 95 % interval decide. `erratum` says what is known to be wrong with the figure,
    `reason` why an honest protocol gives another one.
    """

    text: str
    at: str
    metric: str
    value: float
    variant: str = "main"
    sd: float | None = Field(default=None, ge=0)
    tolerance: float | None = Field(default=None, ge=0)
    erratum: str = ""
    reason: str = ""


class Slice(Strict):
    """A part of the test rows with metrics of its own: each value of a column, or its quantiles."""

    column: str
    quantiles: int | None = Field(default=None, ge=2)


Direction = Literal["higher", "lower"]
