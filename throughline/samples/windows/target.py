"""What lies ahead of a window: values, changes, or whether the value rises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, listed
from throughline.preprocessing.columns.kinds.number import scaling
from throughline.samples.windows.gathered import Ahead
from throughline.samples.windows.positions import Extent

if TYPE_CHECKING:
    from throughline.pipeline.schema.targets import Target
    from throughline.samples.windows.frame import Series

DIRECTIONS = ("down", "up")
# Targets that a scaling is fitted on; more windows than that are thinned out evenly.
MOST_FITTED = 5_000_000


@dataclass(frozen=True)
class FittedForecast:
    """How the future of the target columns is learned and given back.

    Attributes:
        columns: the target columns.
        horizons: rows ahead.
        change: `difference`, `percent` or None: what the network learns.
        periods: of the change.
        subtract, divide: the scaling that training sees, one of each a column.
        unit: of the target.
        sequence: whether the network answers (horizons, columns) instead of one vector.
    """

    columns: Sequence[str]
    horizons: tuple[int, ...]
    change: str | None
    periods: int
    subtract: Sequence[float]
    divide: Sequence[float]
    unit: str
    sequence: bool

    @property
    def units(self) -> int:
        """Of the network's output layer."""
        return len(self.columns) * (1 if self.sequence else len(self.horizons))

    @property
    def bases(self) -> np.ndarray | None:
        """The row, counted from the newest one, that each horizon's change starts from."""
        return None if self.change is None else season_bases(self.horizons, self.periods)

    def as_json(self) -> dict[str, Any]:
        """For prepared.json and for the metadata of the model."""
        return {
            "task": "forecast",
            "columns": list(self.columns),
            "classes": None,
            "horizons": list(self.horizons),
            "change": self.change,
            "periods": self.periods,
            "scale": {"subtract": list(self.subtract), "divide": list(self.divide)},
            "unit": self.unit,
            "sequence": self.sequence,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> FittedForecast:
        """What `as_json` wrote."""
        return cls(
            content["columns"],
            tuple(content["horizons"]),
            content["change"],
            content["periods"],
            content["scale"]["subtract"],
            content["scale"]["divide"],
            content["unit"],
            content["sequence"],
        )

    def ahead(self, values: np.ndarray, ends: np.ndarray) -> Ahead:
        """The targets of windows, as training sees them.

        Args:
            values: float32 (T, K), the target columns.
            ends: the newest row of each window.
        """
        several = (len(self.horizons), len(self.columns))
        row = several if self.sequence else (several[0] * several[1],)
        return Ahead(
            values,
            ends,
            np.array(self.horizons, dtype=np.int32),
            self.bases,
            self.change,
            np.array([self.subtract, self.divide], dtype=np.float32),
            np.array(row, dtype=np.int32),
        )


def season_bases(horizons: Sequence[int], periods: int) -> np.ndarray:
    """The newest known row that lies whole periods before each horizon, counted from the newest.

    One period gives 0, the last value; a season of 24 and horizon 36 give -12.
    """
    ahead = np.array(horizons, dtype=np.int32)
    return (ahead - periods * -(-ahead // periods)).astype(np.int32)


def percents_known(
    values: np.ndarray, ends: np.ndarray, horizons: Sequence[int], periods: int
) -> np.ndarray:
    """Whether all changes after each window are finite as percents, (N,).

    Args:
        values: (T, K), the target columns.
        ends: the newest row of each window.
        horizons: rows ahead.
        periods: of the change.
    """
    known = np.ones(len(ends), dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for horizon, base in zip(horizons, season_bases(horizons, periods), strict=True):
            old = values[ends + base]
            known &= np.isfinite(100 * (values[ends + horizon] - old) / old).all(axis=1)
    return known


def values_of(series: Series, columns: Sequence[str]) -> np.ndarray:
    """The target columns, float32 (T, K); NaN in absent rows.

    Raises:
        BadData: they do not hold numbers.
    """
    try:
        return series.rows[list(columns)].to_numpy(dtype=np.float32, na_value=np.nan)
    except (TypeError, ValueError):
        raise BadData(f"Target {listed(columns)} must hold numbers") from None


def fit_forecast(
    values: np.ndarray, ends: np.ndarray, target: Target, extent: Extent, output: str
) -> FittedForecast:
    """Fit the scaling of the target, or of its change, on training windows.

    Args:
        values: (T, K), the target columns.
        ends: the newest row of each training window.
        target: section `target`.
        extent: of a window.
        output: `vector` or `sequence`, as the network answers.
    """
    change = target.change.kind if target.change else None
    periods = target.change.periods if target.change else 1
    count = len(target.columns)
    bare = FittedForecast(
        target.columns, extent.horizons, change, periods, [0.0] * count, [1.0] * count,
        target.unit, output == "sequence",
    )  # fmt: skip
    if target.scale is None:
        return bare
    # An odd stride, so that no cycle of an even length is seen at a few of its places only.
    stride = len(ends) * len(extent.horizons) // MOST_FITTED
    thinned = ends[:: stride + 1 - stride % 2 if stride else 1]
    learned = bare.ahead(values, thinned).unscaled(slice(None)).astype(np.float64)
    pairs = [
        scaling(name, learned[:, :, position].ravel(), target.scale)
        for position, name in enumerate(target.columns)
    ]
    subtract, divide = zip(*pairs, strict=True)
    return FittedForecast(
        target.columns, extent.horizons, change, periods, subtract, divide, target.unit,
        bare.sequence,
    )  # fmt: skip


def directions(values: np.ndarray, ends: np.ndarray, horizon: int) -> np.ndarray:
    """Whether a value will have risen, float32 (N, 1); one that stays has not."""
    rises = values[ends + horizon, 0] > values[ends, 0]
    return np.asarray(rises.astype(np.float32)[:, None])
