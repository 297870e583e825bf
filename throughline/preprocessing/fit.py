"""Fitting preprocessing on training rows: statistics first, then one ONNX graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline, listed
from throughline.preprocessing.columns.derived import write_derived
from throughline.preprocessing.columns.kind import FittedColumn, Given, kind_of_column
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.graph.layout import Layout
from throughline.preprocessing.plan import Plan, Planned

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from throughline.samples.supervision import Supervision


@dataclass(frozen=True)
class NetworkInput:
    """What a network is given of some columns.

    Attributes:
        column: the first of them, and the only one of pictures and of token numbers.
        features: their names.
        type: the smallest type of NumPy that holds every value exactly.
        rescaling: for pictures the factor and offset of the network's first layer.
        unchanged: whether it is the column of pictures as it is.
        stored: whether stage `bottleneck` stored the features.
        vectors: for token numbers the weights of an Embedding, if wanted.
        out_of_fold: the first feature of each column encoded by the target, and what the training
            rows are trained on in its place, (rows, features).
    """

    column: str
    features: list[str]
    type: str
    rescaling: Any = None
    unchanged: bool = False
    stored: bool = False
    vectors: np.ndarray | None = None
    out_of_fold: Sequence[tuple[int, np.ndarray]] = ()

    @property
    def is_stored(self) -> bool:
        """Whether its array lies beside the rows already."""
        return self.unchanged or self.stored


@dataclass(frozen=True)
class Preprocessing:
    """A fitted preprocessing.

    Attributes:
        graph: raw columns in, one float tensor (N, features) for each network input out.
        inputs: name and kind of each raw column.
        network: the inputs of the network.
    """

    graph: onnx.ModelProto
    inputs: Mapping[str, str]
    network: Mapping[str, NetworkInput]

    @property
    def features(self) -> dict[str, list[str]]:
        """For each network input the names of its features."""
        return {name: each.features for name, each in self.network.items()}

    @property
    def types(self) -> dict[str, str]:
        """For each network input the type of its array."""
        return {name: each.type for name, each in self.network.items()}

    @property
    def rescaling(self) -> dict[str, Any]:
        """For network inputs of pictures the factor and offset of the network's first layer."""
        found = {name: each.rescaling for name, each in self.network.items()}
        return {name: constants for name, constants in found.items() if constants is not None}

    @property
    def vectors(self) -> dict[str, np.ndarray]:
        """For network inputs of token numbers the weights of an Embedding, where wanted."""
        found = {name: each.vectors for name, each in self.network.items()}
        return {name: matrix for name, matrix in found.items() if matrix is not None}

    @property
    def out_of_fold(self) -> dict[str, Sequence[tuple[int, np.ndarray]]]:
        """What training rows are trained on instead, of the network inputs that have such."""
        return {name: each.out_of_fold for name, each in self.network.items() if each.out_of_fold}

    @property
    def fitted_bytes(self) -> bytes:
        """All that was fitted, for whoever asks whether two of them are the same."""
        held = [array for parts in self.out_of_fold.values() for _, array in parts]
        arrays = [*self.vectors.values(), *held]
        graph = self.graph.SerializeToString(deterministic=True)
        return b"".join([graph, *(array.tobytes() for array in arrays)])


def fit(
    rows: pd.DataFrame,
    plan: Plan,
    layout: Layout | None = None,
    files: Path | None = None,
    supervision: Supervision | None = None,
    frozen: Mapping[str, Path] | None = None,
) -> Preprocessing:
    """Fit every column of the plan on these rows and write the graph.

    Args:
        rows: training rows, nothing else.
        plan: what happens to which column.
        layout: how samples lie in the rows. Default: each row is one.
        files: folder of the source's auxiliary files. Default: there are none.
        supervision: what encodings by the target learn from. Default: there is none.
        frozen: for columns of pictures the frozen network that they go through. Default: none.

    Raises:
        BadData: a column that cannot be treated as the pipeline file asks.
    """
    given = Given(rows, layout or Layout(), files, frozen or {}, supervision)
    fitted = {
        group: [kind_of_column(planned.column).fit(planned, given) for planned in columns]
        for group, columns in plan.inputs.items()
    }
    graph = Graph()
    _declare(graph, plan, given.layout, fitted)
    network = {}
    for group, columns in fitted.items():
        blocks = _write(graph, plan.inputs[group], columns, plan, given.layout)
        more, names = given.layout.more(graph, group)
        network[group] = _network_input(group, columns, names)
        features = len(network[group].features)
        columns[0].output(graph, given.layout, blocks + more, group, features)
    return Preprocessing(graph.model(), dict(plan.raw), network)


def _declare(
    graph: Graph, plan: Plan, layout: Layout, fitted: Mapping[str, Sequence[FittedColumn]]
) -> None:
    """The raw columns that the graph takes."""
    shapes = {each.name: each.input_shape for columns in fitted.values() for each in columns}
    for name, kind in plan.raw.items():
        shape = shapes.get(name)
        if shape is None:
            layout.input(graph, name, kind)
        else:
            graph.input(name, kind, shape)


def _network_input(
    group: str, columns: Sequence[FittedColumn], names: Sequence[str]
) -> NetworkInput:
    first = columns[0]
    return NetworkInput(
        first.name,
        [*(name for each in columns for name in each.features), *names],
        _type(group, columns),
        first.rescaling,
        first.unchanged,
        first.frozen is not None,
        first.vectors,
        list(_held_out(columns)),
    )


def _type(group: str, columns: Sequence[FittedColumn]) -> str:
    own = next((each.own_input for each in columns if each.own_input is not None), None)
    if own is not None and len(columns) > 1:
        raise BadPipeline(
            f"{own.what} need a network input of their own, and '{group}' has other columns",
            listed(each.name for each in columns),
            f"Give `inputs`, one of them for {own.alone} alone",
        )
    found = {each.element_type for each in columns}
    return found.pop() if len(found) == 1 else "float32"


def _held_out(columns: Sequence[FittedColumn]) -> Iterator[tuple[int, np.ndarray]]:
    """The first feature and the training values of the columns that have some of their own."""
    first = 0
    for each in columns:
        if each.out_of_fold is not None:
            yield first, each.out_of_fold
        first += len(each.features)


def _write(
    graph: Graph,
    columns: Sequence[Planned],
    fitted: Sequence[FittedColumn],
    plan: Plan,
    layout: Layout,
) -> list[str]:
    """Nodes of all columns of a network input; neighbours with the same steps share theirs."""
    blocks = []
    pairs = zip(columns, fitted, strict=True)
    for _, run in groupby(pairs, key=lambda pair: pair[1].steps):
        members = list(run)
        values = [
            layout.finished(
                graph, _value(graph, planned, each, plan, layout), planned.name, planned.column
            )
            for planned, each in members
        ]
        neighbours = [each for _, each in members]
        blocks.append(neighbours[0].write_block(graph, values, neighbours))
    return blocks


def _value(graph: Graph, planned: Planned, fitted: FittedColumn, plan: Plan, layout: Layout) -> str:
    """The name of the tensor (N, 1) that a column starts from."""
    derive = planned.column.derive
    if derive is None:
        own = layout.raw(graph, planned.name, planned.column)
        return fitted.cast(graph, own, planned.kind)
    sources = [layout.raw(graph, name, planned.column) for name in derive.of]
    return write_derived(graph, sources, planned, plan.raw)
