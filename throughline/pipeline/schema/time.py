"""Section `time`: how rows become a series, and which part of it is one window.

Terms: `lookback` rows up to the newest known one are what the network sees, every `step`-th of
them; `horizon` counts rows after the newest one. Inside a window the oldest row is first.
"""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, field_validator, model_validator

from throughline.pipeline.strict import Strict, spelled_out

EVERY = re.compile(r"(\d*)\s*(s|min|h|d|b|w|mo)")
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
# A year of months, a week of days, and a day of what divides it. A season costs every part as many
# of its first windows, so a day of more steps than those of 5 minutes is none unless asked for.
MONTHS, DAYS, BUSINESS_DAYS, MOST_A_DAY = 12, 7, 5, 288
# Weights of an EWMA below this part of the first are left out.
NEGLIGIBLE = 1e-4


class Index(Strict):
    """Which columns say when a row was measured; written as a column's name, or a list of names.

    Several columns are joined by a space.

    Args:
        columns: that hold the time.
        formats: how they are written, the first that fits counts: of `strptime`, with `%q` for the
            quarter of a year, or `epoch`, `epoch-ms`, `epoch-us` and `epoch-ns` for seconds and
            their parts since 1970, or `decimal-year` for months and quarters as parts of a year
            (1974.25). Default: ISO 8601.
        hour: a column of hours that are added to the date; 24 is the next midnight.
        zone: the time zone of a wall clock, such as Europe/Berlin; steps of the grid are then those
            of UTC, and calendar features those of the wall clock.
    """

    columns: list[str] = Field(min_length=1)
    formats: list[str] = []
    hour: str | None = None
    zone: str | None = None

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str | None) -> str | None:
        # Not by opening it: a misspelt name may be a folder of zones, or a path out of theirs.
        if zone is not None and zone not in (known := available_timezones()):
            close = difflib.get_close_matches(zone, sorted(known), n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ", such as Europe/Berlin"
            raise ValueError(f"'{zone}' must be a time zone of the IANA data base{hint}")
        return zone


class Smooth(Strict):
    """A weighted mean of a row and rows before it.

    Weights of `ewma` below 1e-4 of the first are left out and the rest add up to 1.

    Args:
        kind: mean, or ewma: exponentially weighted, the weight of a row k steps old is (1 -
            alpha)^k.
        window: rows of `mean`; written `{mean: 7}`.
        alpha: of `ewma`, between 0 and 1.
        span: of `ewma`, in the place of alpha = 2 / (span + 1).
    """

    kind: Literal["mean", "ewma"]
    window: int | None = Field(default=None, ge=2)
    alpha: float | None = Field(default=None, gt=0, lt=1)
    span: float | None = Field(default=None, gt=1)

    @model_validator(mode="after")
    def _one_width(self) -> Smooth:
        if self.kind == "mean" and (self.window is None or self.alpha or self.span):
            raise ValueError("'mean' needs 'window', and nothing else")
        if self.kind == "ewma" and (self.window or (self.alpha is None) == (self.span is None)):
            raise ValueError("'ewma' needs one of 'alpha' and 'span'")
        return self

    @property
    def weights(self) -> list[float]:
        """The weight of each row, the newest first."""
        if self.kind == "mean":
            assert self.window is not None
            return [1 / self.window] * self.window
        alpha = self.alpha if self.alpha is not None else 2 / ((self.span or 1) + 1)
        powers = [1.0]
        while powers[-1] * (1 - alpha) >= NEGLIGIBLE:
            powers.append(powers[-1] * (1 - alpha))
        return [power / sum(powers) for power in powers]


class Change(Strict):
    """What a value has become since the one some rows before.

    With a target, "old" is the newest known value that lies a whole number of periods before the
    predicted one, and the graph adds it again.

    Args:
        kind: difference: new - old. percent: 100 (new - old) / old. direction: whether it rose, for
            a target.
        periods: rows between old and new. Default: 1.
    """

    kind: Literal["difference", "percent", "direction"]
    periods: int = Field(default=1, ge=1)


class Fill(Strict):
    """Missing rows take the values of the last known row.

    Args:
        most: rows that are filled, one after another. Default: any number.
    """

    most: int | None = Field(default=None, ge=1)


def _short_index(value: Any) -> Any:
    if isinstance(value, str):
        return {"columns": [value]}
    return {"columns": value} if isinstance(value, list) else value


def _short_gaps(value: Any) -> Any:
    if value == "fill":
        return {}
    if isinstance(value, dict) and set(value) == {"fill"}:
        return {"most": value["fill"]}
    return value


def _as_list(value: Any) -> Any:
    if (
        isinstance(value, dict)
        and set(value) == {"sequence"}
        and isinstance(value["sequence"], int)
    ):
        return list(range(1, value["sequence"] + 1))
    return [value] if isinstance(value, int | str) else value


ShortSmooth = dict[Literal["mean", "ewma"], Any]
ShortChange = Literal["difference", "percent", "direction"] | dict[str, Any]

Smoothing = Annotated[
    Smooth | None,
    BeforeValidator(
        lambda value: spelled_out(value, {"mean": "window"}),
        json_schema_input_type=Smooth | ShortSmooth | None,
    ),
]
Changing = Annotated[
    Change | None,
    BeforeValidator(
        lambda value: spelled_out(value, {"difference": "periods", "percent": "periods"}),
        json_schema_input_type=Change | ShortChange | None,
    ),
]


class Time(Strict):
    """How rows become series and windows.

    Args:
        index: the columns that say when.
        every: the grid, as `10min`, `1h`, `1d`, `1b` (Monday to Friday), `1w`, `1mo` or `3mo`.
            Steps of months lie all as far from the beginning, or all as far from the end.
        group: columns that tell series apart, as a site; windows never mix them.
        resample: rows that fall on one step of the grid become one: their `mean`, `sum` or `last`.
            Default: two rows on one step, or a row between steps, are refused.
        gaps: steps without a row are refused, or marked, so that no window crosses them, or
            filled with the last row: `fill`, or `{fill: N}` for at most N rows in a row.
        lookback: rows that the network sees.
        step: it sees every so many of them. Default: 1.
        horizon: how many rows ahead is predicted: a number, a list, or `{sequence: N}` for 1 to N.
        stride: a training window starts every so many rows. Test windows start at every row.
        season: rows in a cycle, for seasonal persistence. Default: the usual one of the grid.
        calendar: sine and cosine of the hour of the day, the day of the week, the month.
        output: `sequence` when the network answers with one row a horizon, (horizons, features),
            as a decoder does. Default: `vector`.
    """

    index: Annotated[
        Index, BeforeValidator(_short_index, json_schema_input_type=str | list[str] | Index)
    ]
    every: str
    group: Annotated[
        list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])
    ] = []
    resample: Literal["mean", "sum", "last"] | None = None
    gaps: Annotated[
        Literal["refuse", "mark"] | Fill,
        BeforeValidator(
            _short_gaps,
            json_schema_input_type=Literal["refuse", "mark", "fill"] | dict[Literal["fill"], int],
        ),
    ] = "refuse"
    lookback: int = Field(ge=1)
    step: int = Field(default=1, ge=1)
    horizon: Annotated[
        list[Annotated[int, Field(ge=1)]],
        BeforeValidator(
            _as_list, json_schema_input_type=int | list[int] | dict[Literal["sequence"], int]
        ),
    ] = Field(default=[1], min_length=1)
    stride: int = Field(default=1, ge=1)
    season: int | None = Field(default=None, ge=1)
    calendar: list[Literal["hour", "weekday", "month"]] = []
    output: Literal["vector", "sequence"] = "vector"

    @model_validator(mode="after")
    def _settings_that_have_an_effect(self) -> Time:
        match = EVERY.fullmatch(self.every)
        if match is None:
            raise ValueError(
                f"'every' needs a number and one of s, min, h, d, b, w, mo, found '{self.every}'"
            )
        if match[2] == "mo" and MONTHS % int(match[1] or 1):
            raise ValueError("steps of several months divide a year: 1mo, 2mo, 3mo, 4mo, 6mo, 12mo")
        if match[2] == "b" and int(match[1] or 1) != 1:
            raise ValueError("business days follow one by one: use 1b")
        if self.step > self.lookback:
            raise ValueError("'step' must not be larger than 'lookback'")
        if sorted(set(self.horizon)) != self.horizon:
            raise ValueError("'horizon' needs different steps, the nearest first")
        return self

    @property
    def columns(self) -> list[str]:
        """Those that say where a row lies: when, and in which series."""
        return [*self.index.columns, *([self.index.hour] if self.index.hour else []), *self.group]

    @property
    def grid(self) -> tuple[int, str]:
        """Number and unit of a step: seconds (`s`), business days (`b`) or months (`mo`)."""
        match = EVERY.fullmatch(self.every)
        assert match is not None
        number, unit = int(match[1] or 1), match[2]
        return (number, unit) if unit in ("mo", "b") else (number * SECONDS[unit], "s")

    @property
    def cycle(self) -> int | None:
        """Rows in a season, given or usual; None where none is usual."""
        number, unit = self.grid
        if self.season:
            return self.season
        if unit != "s":
            usual = BUSINESS_DAYS if unit == "b" else MONTHS // number
            return usual if usual > 1 else None
        steps, rest = divmod(SECONDS["d"], number)
        if steps == 1 and not rest:
            return DAYS
        return steps if not rest and 1 < steps <= MOST_A_DAY else None
