"""Pre-trained word vectors: read from an auxiliary file, laid out in a vocabulary's order."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from throughline.errors import BadData, BadPipeline, nearest

SEED = 0
# The auxiliary file NAME.npy has numbers alone; its words are the auxiliary file NAME-words.
WORDS = "-words"


@dataclass(frozen=True)
class Vectors:
    """Word vectors.

    Attributes:
        words: in the file's order, the most frequent first.
        values: float32, shape (words, dimensions).
    """

    words: tuple[str, ...]
    values: np.ndarray


def auxiliary_file(folder: Path | None, name: str) -> Path:
    """The auxiliary file that a pipeline file names.

    Raises:
        BadPipeline: the source has none of that name; names the nearest.
    """
    found = {path.name.split(".")[0]: path for path in sorted(folder.iterdir())} if folder else {}
    if name not in found:
        raise BadPipeline(
            "The section `source.files` must name the auxiliary file",
            name,
            nearest(name, list(found)) if found else "Add it there",
        )
    return found[name]


@lru_cache(maxsize=2)
def read_vectors(path: Path) -> Vectors:
    """The vectors in a file: `words` and `vectors` of a npz, or lines `word number number ...`.

    A npy holds numbers alone; the words of its rows are those of the auxiliary file `NAME-words`,
    one a line or the first column of a Parquet file.

    Raises:
        BadData: none of these, or rows of different length.
        BadPipeline: no auxiliary file with the words of a npy.
    """
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            if "words" not in arrays or "vectors" not in arrays:
                raise BadData(f"'{path.name}' must hold `words` and `vectors`", list(arrays))
            return _fitting(path, arrays["words"].tolist(), arrays["vectors"])
    if path.suffix == ".npy":
        words = words_of(auxiliary_file(path.parent, path.stem + WORDS))
        return _fitting(path, words, np.load(path, allow_pickle=False))
    return _from_lines(path)


def _fitting(path: Path, words: Sequence[str], values: np.ndarray) -> Vectors:
    if values.ndim != 2 or len(words) != len(values):
        raise BadData(
            f"'{path.name}' must hold a vector for each of {len(words)} words", list(values.shape)
        )
    return Vectors(tuple(words), values.astype(np.float32))


def _from_lines(path: Path) -> Vectors:
    opened = gzip.open if path.suffix == ".gz" else open
    words: list[str] = []
    rows: list[np.ndarray] = []
    with opened(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            word, *numbers = line.rstrip().split(" ")
            try:
                row = np.array(numbers, dtype=np.float32)
            except ValueError:
                raise BadData(
                    f"Line {number} of '{path.name}' must be a word and numbers"
                ) from None
            if rows and len(row) != len(rows[0]):
                raise BadData(
                    f"Line {number} of '{path.name}' must have {len(rows[0])} numbers", len(row)
                )
            words.append(word)
            rows.append(row)
    if not rows or not len(rows[0]):
        raise BadData(f"'{path.name}' must hold word vectors", "none")
    return Vectors(tuple(words), np.stack(rows))


def words_of(path: Path) -> tuple[str, ...]:
    """The words of an auxiliary file: of word vectors, one a line, or a column of Parquet."""
    if path.suffix in (".npz", ".npy"):
        return read_vectors(path).words
    if path.suffix == ".parquet":
        import pyarrow.parquet

        column = pyarrow.parquet.read_table(path).column(0)
        return tuple(str(word) for word in column.to_pylist())
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return tuple(dict.fromkeys(line.split(" ")[0].strip() for line in file if line.strip()))


def matrix_for(
    vocabulary: Sequence[str], first_id: int, vectors: Vectors, missing: str = "normal"
) -> np.ndarray:
    """The weights of an Embedding for token numbers.

    Args:
        vocabulary: the words in the order of their numbers.
        first_id: the number of the first of them.
        vectors: the file's.
        missing: what a word that the file does not have gets, and so the numbers for start and
            unknown: `normal` and `uniform` draw it with a fixed seed, from the normal distribution
            with the file's mean and standard deviation or between 0 and 1; `zeros`. The number 0,
            which fills up, always gets zeros. Default: normal.

    Returns:
        float32, shape (first_id + words, dimensions).
    """
    values = vectors.values
    matrix = _drawn((first_id + len(vocabulary), values.shape[1]), values, missing)
    matrix[0] = 0.0
    place = {word: number for number, word in enumerate(vectors.words)}
    known = [(first_id + i, place[word]) for i, word in enumerate(vocabulary) if word in place]
    if known:
        rows, places = np.array(known).T
        matrix[rows] = values[places]
    return matrix


def _drawn(shape: tuple[int, int], values: np.ndarray, missing: str) -> np.ndarray:
    generator = np.random.default_rng(SEED)
    if missing == "zeros":
        return np.zeros(shape, np.float32)
    if missing == "uniform":
        return generator.random(shape, dtype=np.float32)
    drawn = generator.standard_normal(shape, dtype=np.float32)
    return np.asarray((drawn * values.std() + values.mean()).astype(np.float32))
