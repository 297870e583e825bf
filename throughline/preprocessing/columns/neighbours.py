"""Word vectors looked at: nearest words, analogies, files for TensorBoard's projector."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from throughline.errors import BadData, nearest
from throughline.preprocessing.columns.texts.vectors import Vectors

# Words among which the nearest valid one is looked for.
COMMON = 20_000


def nearest_words(vectors: Vectors, word: str, count: int = 5) -> list[tuple[str, float]]:
    """The words whose vectors have the largest cosine with that of a word, the word left out.

    Example: `good` is nearest to `better` (0.928) among GloVe's vectors of 50 dimensions.

    Raises:
        BadData: a word that the file does not have.
    """
    return _closest(vectors, _vector(vectors, word), {word}, count)


def analogy(
    vectors: Vectors, first: str, second: str, third: str, count: int = 3
) -> list[tuple[str, float]]:
    """What is to `third` as `second` is to `first`: the words nearest to second − first + third.

    The vectors are brought to length 1 before, as Mikolov et al. 2013 do, and the three words
    themselves are left out.

    Example: man is to king as woman is to queen.

    Raises:
        BadData: a word that the file does not have.
    """
    units = [_unit(_vector(vectors, word)) for word in (first, second, third)]
    wanted = units[1] - units[0] + units[2]
    return _closest(vectors, wanted, {first, second, third}, count)


def write_projector(vectors: Vectors, folder: Path, most: int) -> None:
    """Write the first `most` vectors as TensorBoard's embedding projector reads them.

    The folder gets vectors.tsv, metadata.tsv (a word a line) and projector_config.pbtxt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words, values = vectors.words[:most], vectors.values[:most]
    lines = ("\t".join(f"{number:.6g}" for number in row) for row in values.tolist())
    (folder / "vectors.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "metadata.tsv").write_text("\n".join(words) + "\n", encoding="utf-8")
    (folder / "projector_config.pbtxt").write_text(
        'embeddings {\n  tensor_name: "words"\n  tensor_path: "vectors.tsv"\n'
        '  metadata_path: "metadata.tsv"\n}\n',
        encoding="utf-8",
    )


def _vector(vectors: Vectors, word: str) -> np.ndarray:
    try:
        place = vectors.words.index(word)
    except ValueError:
        near = nearest(word, vectors.words[:COMMON])
        raise BadData("The vectors must have the word", word, near) from None
    found: np.ndarray = vectors.values[place]
    return found


def _unit(values: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    found: np.ndarray = values / np.maximum(lengths, 1e-12)
    return found


def _closest(
    vectors: Vectors, wanted: np.ndarray, without: set[str], count: int
) -> list[tuple[str, float]]:
    cosines = _unit(vectors.values) @ _unit(wanted)
    order = np.argsort(-cosines, kind="stable")[: count + len(without)]
    found = [(vectors.words[i], float(cosines[i])) for i in order]
    return [pair for pair in found if pair[0] not in without][:count]
