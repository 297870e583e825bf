"""Embeddings that start from the word vectors that a text column names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throughline.training.network.spec import BadNetwork, Entry

VECTORS = "vectors"


def with_weights(entry: Entry, vectors: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's arguments, with the array in the place of `weights: vectors`.

    `weights: vectors.INPUT` says whose, where several inputs have vectors. `input_dim` and
    `output_dim` follow from the array when they are not given.

    Raises:
        BadNetwork: another layer than Embedding, or no column whose `text` has `vectors`.
    """
    arguments = dict(entry.arguments)
    wanted = arguments.get("weights")
    if wanted is None:
        return arguments
    if entry.kind != "Embedding" or not str(wanted).startswith(VECTORS):
        raise BadNetwork(
            f"{entry.position}.weights should be `vectors`, and the layer an Embedding", wanted
        )
    name = str(wanted).removeprefix(VECTORS).removeprefix(".") or next(iter(vectors), "")
    if name not in vectors:
        raise BadNetwork(
            f"{entry.position}.weights should find word vectors of an input",
            wanted,
            "Give a text column `vectors` beside `encode: {ids: ...}`",
        )
    matrix = vectors[name]
    arguments["weights"] = matrix
    for key, size in zip(("input_dim", "output_dim"), matrix.shape, strict=True):
        if arguments.setdefault(key, int(size)) != size:
            raise BadNetwork(f"{entry.position}.{key} should be that of the vectors, {size}")
    return arguments
