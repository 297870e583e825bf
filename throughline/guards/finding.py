"""What guards see, what they say, and where they register."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.tokens.token_series import Window

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.protocol import Split
    from throughline.pipeline.schema.targets import Target

ROWS_IN_REPORT = 20
# So many rows tell how a column is distributed, or how well it tells another: the standard error of
# a share is then below .0025.
MOST_ROWS = 50_000


@dataclass(frozen=True)
class Case:
    """What a guard looks at.

    Attributes:
        rows: the clean rows, target included, numbered from 0.
        parts: for each row "training", "test" or "gap".
        columns: the raw columns that are features.
        target: section `target`.
        task: the problem type.
        split: section `split`.
        held: what messages call the part "test". Default: `test`.
    """

    rows: pd.DataFrame
    parts: np.ndarray[Any, Any]
    columns: list[str]
    target: Target
    task: str
    split: Split
    held: str = "test"

    @cached_property
    def by_name(self) -> dict[str, pd.Series]:
        """The columns: pandas makes each anew whenever it is asked for."""
        return {str(name): column for name, column in self.rows.items()}

    @property
    def training(self) -> pd.DataFrame:
        """The training rows."""
        rows: pd.DataFrame = self.rows.loc[self.parts == "training"]
        return rows

    @property
    def test(self) -> pd.DataFrame:
        """The test rows."""
        rows: pd.DataFrame = self.rows.loc[self.parts == "test"]
        return rows

    @property
    def classifies(self) -> bool:
        """Whether the target is a class."""
        return self.task in ("binary", "multiclass", "multilabel")


@dataclass(frozen=True)
class Observation:
    """Something that a guard noticed.

    Attributes:
        message: what it is, in one sentence.
        columns: the columns concerned.
        rows: the rows concerned, counted from 0.
        certain: whether it is a leak without doubt; what is only suspicious warns and never stops.
    """

    message: str
    columns: tuple[str, ...] = ()
    rows: tuple[int, ...] = field(default=(), repr=False)
    certain: bool = True


@dataclass(frozen=True)
class Finding:
    """What one guard found, with what follows from it.

    Attributes:
        guard: the name of the guard, as in `split.guards`.
        verdict: stop, drop or warn; what happens where it did not pass.
        passed: whether nothing was found.
        message: what was found.
        columns: the columns concerned.
        rows: the rows concerned, counted from 0.
    """

    guard: str
    verdict: str
    passed: bool
    message: str
    columns: tuple[str, ...] = ()
    rows: tuple[int, ...] = field(default=(), repr=False)

    def as_json(self) -> dict[str, Any]:
        """The finding for a report, with the first rows and how many there are."""
        return {
            "guard": self.guard,
            "verdict": self.verdict,
            "passed": self.passed,
            "message": self.message,
            "columns": list(self.columns),
            "rows": list(self.rows[:ROWS_IN_REPORT]),
            "row_count": len(self.rows),
        }


Guard = Callable[[Case], Iterable[Observation]]

GUARDS: dict[str, Guard] = {}


def guard(name: str) -> Callable[[Guard], Guard]:
    """Register a guard under its name in `split.guards`."""

    def register(function: Guard) -> Guard:
        GUARDS[name] = function
        return function

    return register


def value_hashes(rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """One number for each row, equal where all values are equal.

    Args:
        rows: any columns; arrays count by their bytes.

    Returns:
        [rows] uint64.
    """
    import pandas as pd

    held = {}
    for name in rows.columns:
        column = rows[name]
        if column.dtype == object:
            column = column.map(_bytes_of)
        # 1 and 1.0 are the same value, and so are 0.0 and -0.0.
        if pd.api.types.is_numeric_dtype(column.dtype):
            column = column.astype("float64")
            column = column + 0.0 if np.signbit(column[column == 0]).any() else column
        held[name] = column
    # Joined at once: columns that are added one by one lie in pieces, which takes long.
    table = pd.DataFrame(held, index=rows.index, copy=False)
    return pd.util.hash_pandas_object(table, index=False).to_numpy()


def _bytes_of(value: Any) -> Any:
    if isinstance(value, Window):
        # A number that windows of one column have in common only where they read the same.
        return hash(value)
    return value.tobytes() if isinstance(value, np.ndarray) else str(value)


@lru_cache(maxsize=8)
def draw(rows: int) -> slice | np.ndarray[Any, Any]:
    """The places of all rows, or of a seeded draw of `MOST_ROWS`, in their order."""
    if rows <= MOST_ROWS:
        return slice(None)
    return np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False, shuffle=False))


def is_plain(column: pd.Series) -> bool:
    """Whether a column holds single values, not arrays or bytes."""
    if column.dtype != object:
        return True
    first = next(iter(column.dropna()), None)
    return not isinstance(first, (np.ndarray, list, tuple, bytes, dict))


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers, and not truth values."""
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(
        column.dtype
    )


def is_whole(column: pd.Series) -> bool:
    """Whether all numbers of a column are whole; the first of them nearly always tell."""
    if column.dtype.kind in "iu":
        return True
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return not any(((part % 1 != 0) & (part == part)).any() for part in (values[:1000], values))


def plain_columns(case: Case) -> Iterator[tuple[str, pd.Series]]:
    """The features that hold single values."""
    for name in case.columns:
        if name in case.by_name and is_plain(case.by_name[name]):
            yield name, case.by_name[name]
