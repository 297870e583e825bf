"""Categories of any number of levels, hashed: nothing is fitted and no level is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadPipeline
from throughline.preprocessing.columns.kind import Given, encodes
from throughline.preprocessing.columns.kinds.category import Encoded, as_kind

if TYPE_CHECKING:
    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.plan import Planned


ENCODINGS = {
    "hash": {
        "settings": ("buckets",),
        "needs": {"buckets": "'buckets', such as {hash: {buckets: 256}}"},
    },
}


@encodes(ENCODINGS)
@dataclass(frozen=True)
class FittedHash(Encoded):
    """A column whose texts fall into buckets.

    MurmurHash3 of a text's UTF-8 bytes, its remainder the bucket and its sign that of the feature,
    so that levels which share a bucket can differ: what scikit-learn's FeatureHasher gives for one
    text a row. A missing value is a row of zeros. Source: Weinberger et al. (2009), Feature
    hashing for large scale multitask learning, ICML.

    Attributes:
        name: of the column.
        buckets: how many.
        stand_ins: texts that mean missing.
    """

    name: str
    buckets: int
    stand_ins: tuple[str, ...] = ()

    @classmethod
    def fit(cls, planned: Planned, given: Given) -> FittedHash:
        """The buckets of a column.

        Raises:
            BadPipeline: a column of numbers.
        """
        encode = planned.column.encode
        assert encode is not None and encode.buckets is not None
        if planned.kind != "string":
            raise BadPipeline(
                f"columns.{planned.name}.encode: 'hash' needs texts",
                planned.kind,
                f"Set `source.read.types: {{{planned.name}: text}}`, or use `frequency` or `ids`",
            )
        stand_ins = tuple(str(as_kind("string", value)) for value in planned.column.missing)
        return cls(planned.name, encode.buckets, stand_ins)

    @classmethod
    def may_be_missing(cls, column: Column) -> bool:
        """A missing value is a row of zeros."""
        return True

    @property
    def features(self) -> list[str]:
        """The names of the features."""
        return [f"{self.name}#{bucket}" for bucket in range(self.buckets)]

    def write(self, graph: Graph, value: str) -> str:
        """Nodes from the raw text (N, 1) to its features (N, buckets)."""
        name = self.name
        flat = graph.constant([-1], f"{name}/flat", np.int64)
        text = graph.node("Reshape", [value, flat], f"{name}/flat_texts")
        hashed = graph.node("com.microsoft.MurmurHash3", [text], f"{name}/hash", positive=0, seed=0)
        whole = graph.node("Cast", [hashed], f"{name}/whole", to=7)
        depth = graph.constant(self.buckets, f"{name}/buckets", np.int64)
        bucket = graph.node(
            "Mod", [graph.node("Abs", [whole], f"{name}/size"), depth], f"{name}/bucket"
        )
        values = graph.constant([0.0, 1.0], f"{name}/off_and_on")
        hot = graph.node("OneHot", [bucket, depth, values], f"{name}/hot", axis=-1)
        zero = graph.constant(0, f"{name}/zero", np.int64)
        minus, plus, nothing = (graph.constant(s, f"{name}/sign_{s}") for s in (-1.0, 1.0, 0.0))
        negative = graph.node("Less", [whole, zero], f"{name}/is_negative")
        sign = graph.node("Where", [negative, minus, plus], f"{name}/sign")
        for stand_in in ("", *self.stand_ins):
            same = graph.constant(stand_in, f"{name}/stands_for_missing", str)
            absent = graph.node("Equal", [text, same], f"{name}/is_missing")
            sign = graph.node("Where", [absent, nothing, sign], f"{name}/sign_of_present")
        column = graph.constant([-1, 1], f"{name}/column", np.int64)
        sign = graph.node("Reshape", [sign, column], f"{name}/signs")
        return graph.node("Mul", [hot, sign], f"{name}/hashed")
