"""A column of pandas whose values are windows of tokens: their texts, made when asked for.

Imported inside functions only, because the class needs pandas when it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, take
from pandas.api.indexers import check_array_indexer

from throughline.tokens.series import MISSING, Texts, TokenSeries


class WindowDtype(ExtensionDtype):
    """The type of a column of windows; the tokens are the array's own."""

    name = "windows"
    type = str
    kind = "O"
    na_value = np.nan

    @classmethod
    def construct_array_type(cls) -> Any:
        """The class of such columns."""
        return WindowArray


class WindowArray(ExtensionArray):
    """Texts of windows: of a row its position alone is held.

    Rows can be chosen, put in another order and put together; a single one cannot be changed.

    Args:
        series: the tokens, which all parts of a column share.
        ends: where in them the newest token of each row's window is; -1 for a missing window.
    """

    def __init__(self, series: TokenSeries, ends: np.ndarray) -> None:
        self.series = series
        self.ends = ends

    @property
    def texts(self) -> Texts:
        """The values as an array that is never made."""
        return Texts(self.series, self.ends)

    @property
    def dtype(self) -> WindowDtype:
        """Of the column."""
        return WindowDtype()

    @property
    def nbytes(self) -> int:
        """Of the rows; the tokens are shared."""
        return int(self.ends.nbytes)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, item: Any) -> Any:
        found = self.ends[check_array_indexer(self, item)]
        return WindowArray(self.series, found) if np.ndim(found) else self._text(found)

    def _text(self, end: Any) -> Any:
        return self.series.texts(np.atleast_1d(end))[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.texts)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.texts.__array__(dtype)

    def __arrow_array__(self, type: Any = None) -> Any:
        import pyarrow as pa

        return pa.array(np.asarray(self), type=type or pa.string(), from_pandas=True)

    def __eq__(self, other: object) -> Any:
        if isinstance(other, pd.Series | pd.Index | pd.DataFrame):
            return NotImplemented
        return np.asarray(self) == (
            np.asarray(other) if pd.api.types.is_list_like(other) else other
        )

    def isna(self) -> np.ndarray:
        """Which windows are missing."""
        return np.asarray(self.ends == MISSING)

    def copy(self) -> WindowArray:
        """The same rows; the tokens never change and are shared."""
        return WindowArray(self.series, self.ends.copy())

    def take(
        self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None
    ) -> WindowArray:
        """Rows by their numbers; with `allow_fill`, -1 is a missing window."""
        ends = take(self.ends, indices, allow_fill=allow_fill, fill_value=MISSING)
        return WindowArray(self.series, ends.astype(self.ends.dtype, copy=False))

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """The texts as another type of column."""
        wanted = pd.api.types.pandas_dtype(dtype)
        if isinstance(wanted, WindowDtype):
            return self.copy() if copy else self
        if isinstance(wanted, ExtensionDtype):
            # Some rows at a time, so that strings of Python never stand for all of them.
            kind: Any = wanted.construct_array_type()
            parts = [kind._from_sequence(part, dtype=wanted) for part in self.texts.parts()]
            return kind._concat_same_type(parts or [kind._from_sequence([], dtype=wanted)])
        return np.asarray(self).astype(wanted, copy=False)

    def unique(self) -> WindowArray:
        """The different windows in the order of their first rows."""
        return self._from_factorized(pd.unique(self._values_for_factorize()[0]), self)

    def _values_for_factorize(self) -> tuple[np.ndarray, Any]:
        present = self.ends != MISSING
        found = np.full(len(self.ends), MISSING, dtype=np.int64)
        found[present] = self.series.first_equals[self.ends[present]]
        return found, MISSING

    @classmethod
    def _from_factorized(cls, values: Any, original: WindowArray) -> WindowArray:
        return cls(original.series, np.asarray(values).astype(original.ends.dtype))

    def _hash_pandas_object(self, **settings: Any) -> np.ndarray:
        positions, rows = np.unique(self._values_for_factorize()[0], return_inverse=True)
        different = Texts(self.series, positions)
        hashes = [pd.util.hash_array(part, **settings) for part in different.parts()]
        return np.concatenate(hashes or [np.zeros(0, np.uint64)])[rows]

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[WindowArray]) -> WindowArray:
        first, *others = to_concat
        series, ends = first.series, [first.ends]
        starts = {id(series): 0}
        for part in others:
            if id(part.series) not in starts:
                starts[id(part.series)] = len(series.codes)
                series = series.followed_by(part.series)
            ends.append(np.where(part.isna(), MISSING, part.ends + starts[id(part.series)]))
        return cls(series, np.concatenate(ends).astype(first.ends.dtype))

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> WindowArray:
        if isinstance(scalars, WindowArray):
            return scalars.copy() if copy else scalars
        raise TypeError("A column of windows is cut out of texts; others are texts of their own")

    def value_counts(self, dropna: bool = True) -> pd.Series:
        """How often each text stands in the column."""
        return pd.Series(self).astype("str").value_counts(dropna=dropna)

    def map(self, mapper: Any, na_action: Any = None) -> Any:
        """A value for each window, computed some rows at a time."""
        parts = [
            pd.Series(part).map(mapper, na_action=na_action).to_numpy()
            for part in self.texts.parts()
        ]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=object)

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str | None]:
        return str
