"""How samples lie in a table: one row each here; `throughline/samples/windows` lays out windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.graph.builder import Graph


class Layout:
    """A row is a sample: raw columns are (N, 1), features (N, features)."""

    def input(self, graph: Graph, name: str, kind: str) -> None:
        """Declare a raw column."""
        graph.input(name, kind, ["N", 1])

    def raw(self, graph: Graph, name: str, column: Column) -> str:
        """The tensor (rows, 1) of a raw column, for the steps of `column`."""
        return name

    def finished(self, graph: Graph, value: str, name: str, column: Column) -> str:
        """The tensor (rows, 1) after the steps that look at other rows."""
        return value

    def values(self, values: np.ndarray, column: Column) -> np.ndarray:
        """The values that a column is fitted on, of those of all rows."""
        return values

    def more(self, graph: Graph, group: str) -> tuple[list[str], list[str]]:
        """Further features of a network input: names of blocks, names of features."""
        return [], []

    def output(
        self, graph: Graph, blocks: Sequence[str], group: str, element_type: int, features: int
    ) -> None:
        """Join the blocks of a network input and declare it."""
        if len(blocks) == 1:
            graph.node("Identity", list(blocks), group, exact=True)
        else:
            graph.node("Concat", list(blocks), group, exact=True, axis=1)
        graph.output(group, element_type, ["N", features])
