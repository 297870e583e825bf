"""Tokens of running texts, held once; the windows in them are positions, joined when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

# Windows whose texts are in memory at once.
BLOCK = 4096
# Tokens that are joined at once.
TOKENS = 1 << 18


@dataclass(frozen=True, eq=False)
class TokenSeries:
    """Tokens of texts, one text after the other, and how a window of them is written.

    Attributes:
        codes: int32 (T,), the place of each token in `words`.
        words: object of str, the different tokens.
        length: tokens of a window.
        separator: what stands between two of them.
    """

    codes: np.ndarray
    words: np.ndarray
    length: int
    separator: str

    @classmethod
    def of(cls, tokens: Sequence[str], length: int, separator: str) -> TokenSeries:
        """The series of these tokens."""
        words = sorted(set(tokens))
        places = {word: place for place, word in enumerate(words)}
        codes = np.fromiter((places[token] for token in tokens), np.int32, len(tokens))
        return cls(codes, np.array(words, dtype=object), length, separator)

    def texts(self, ends: np.ndarray) -> np.ndarray:
        """The windows whose newest tokens are at these positions, object of str, shape (N,)."""
        found = np.empty(len(ends), dtype=object)
        some = max(1, TOKENS // self.length)
        for start in range(0, len(ends), some):
            part = np.asarray(ends[start : start + some], dtype=np.int64)
            found[start : start + some] = self._joined(part)
        return found

    def _joined(self, ends: np.ndarray) -> list[str]:
        first, last = int(ends.min()) - self.length + 1, int(ends.max()) + 1
        if last - first > len(ends) * self.length:
            windows = self.words[self.codes[ends[:, None] + np.arange(1 - self.length, 1)]]
            return [self.separator.join(window) for window in windows.tolist()]
        # Windows that lie side by side are pieces of one text.
        tokens = self.words[self.codes[first:last]].tolist()
        whole, gap = self.separator.join(tokens), len(self.separator)
        places = np.cumsum([0, *(len(token) + gap for token in tokens)])
        starts = places[ends - first - self.length + 1].tolist()
        stops = (places[ends - first + 1] - gap).tolist()
        return [whole[start:stop] for start, stop in zip(starts, stops, strict=True)]

    def restricted_to(self, ends: np.ndarray) -> tuple[TokenSeries, np.ndarray]:
        """The tokens that lie in one of these windows alone, and the windows' ends among them.

        What is written of some rows so knows nothing of the other rows' texts.
        """
        size = len(self.codes) + 1
        steps = np.bincount(ends - self.length + 1, minlength=size).astype(np.int64)
        covered = (steps - np.bincount(ends + 1, minlength=size)).cumsum()[:-1] > 0
        used, codes = np.unique(self.codes[covered], return_inverse=True)
        moved = (covered.cumsum() - 1)[ends].astype(ends.dtype)
        words = self.words[used]
        return TokenSeries(codes.astype(np.int32), words, self.length, self.separator), moved

    @cached_property
    def first_equals(self) -> np.ndarray:
        """For each position the first one whose window reads the same; -1 before the first.

        Windows of twice the length are equal where both their halves are, so the memory is that
        of the series whatever the length (Karp, Miller and Rosenberg 1972).
        """
        classes, span = self.codes.astype(np.int64), 1
        while span < self.length and len(classes):
            step = min(span, self.length - span)
            count = max(len(classes) - step, 0)
            pairs = classes[:count] * len(self.codes) + classes[step : step + count]
            classes, span = np.unique(pairs, return_inverse=True)[1], span + step
        first = np.unique(classes, return_index=True)[1] + self.length - 1
        if self._ambiguous:
            read: dict[str, int] = {}
            first = np.array(
                [read.setdefault(t, end) for t, end in zip(self.texts(first), first, strict=True)],
                dtype=np.int64,
            )
        found = np.full(len(self.codes), -1, dtype=np.int64)
        found[self.length - 1 :] = first[classes]
        return found

    @property
    def _ambiguous(self) -> bool:
        """Whether windows of other tokens may read the same."""
        if self.separator:
            return any(self.separator in word or not word for word in self.words)
        return any(len(word) != 1 for word in self.words)

    def write(self, folder: Path, name: str) -> None:
        """Write the series of a column; equal series give equal bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{name}.npy", self.codes, allow_pickle=False)
        described = {
            "length": self.length,
            "separator": self.separator,
            "words": self.words.tolist(),
        }
        (folder / f"{name}.json").write_text(json.dumps(described) + "\n", encoding="utf-8")


@dataclass(frozen=True, eq=False)
class Texts:
    """Windows as an array of their texts, which are joined when they are asked for.

    Attributes:
        series: the tokens.
        ends: where in them the newest token of each window is.
    """

    series: TokenSeries
    ends: np.ndarray

    ndim = 1
    dtype = np.dtype(object)

    @property
    def shape(self) -> tuple[int]:
        """Of the array that this stands for."""
        return (len(self.ends),)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, rows: Any) -> Any:
        ends = self.ends[rows]
        if np.ndim(ends) == 0:
            return self.series.texts(np.atleast_1d(ends))[0]
        return Texts(self.series, ends)

    def __iter__(self) -> Iterator[Any]:
        for part in self.parts():
            yield from part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.series.texts(self.ends).astype(dtype or object, copy=False)

    def parts(self) -> Iterator[np.ndarray]:
        """The texts, some at a time."""
        for start in range(0, len(self), BLOCK):
            yield self.series.texts(self.ends[start : start + BLOCK])


@dataclass(frozen=True, eq=False, slots=True)
class Window:
    """The value of a row: a text that is joined when something asks for it.

    Windows of one series are equal where they read the same, and in order as their texts are.

    Attributes:
        series: the tokens, which all rows of a column share.
        end: where in them the newest token is.
    """

    series: TokenSeries
    end: int

    def __str__(self) -> str:
        return str(self.series.texts(np.array([self.end]))[0])

    def __hash__(self) -> int:
        return int(self.series.first_equals.item(self.end))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Window) or other.series is not self.series:
            return False
        first = self.series.first_equals
        return bool(first.item(self.end) == first.item(other.end))

    def __lt__(self, other: Window) -> bool:
        return str(self) < str(other)


def windows_beside(path: Path) -> Path:
    """The folder of the tokens that belong to a Parquet file, two files a column."""
    return path.with_suffix(".windows")


def stored_windows(path: Path) -> dict[str, TokenSeries]:
    """For each column of windows of a Parquet file its tokens."""
    found = {}
    for file in sorted(windows_beside(path).glob("*.json")):
        described = json.loads(file.read_text(encoding="utf-8"))
        codes = np.load(file.with_suffix(".npy"), allow_pickle=False)
        words = np.array(described["words"], dtype=object)
        found[file.stem] = TokenSeries(codes, words, described["length"], described["separator"])
    return found
