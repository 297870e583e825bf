"""Fitting preprocessing on training rows: statistics first, then one ONNX graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline, listed
from throughline.preprocessing.bottleneck import FROZEN
from throughline.preprocessing.columns.categories import (
    FittedCategory,
    fit_category,
    write_category,
)
from throughline.preprocessing.columns.derived import derived, write_derived
from throughline.preprocessing.columns.hashed import FittedHash, fit_hash
from throughline.preprocessing.columns.image import (
    FittedImage,
    fit_image,
    output_shape,
    write_image,
)
from throughline.preprocessing.columns.levels import FittedLevels, fit_levels
from throughline.preprocessing.columns.numbers import FittedNumber, fit_number, write_numbers
from throughline.preprocessing.columns.resizing import UINT8
from throughline.preprocessing.columns.texts.text import FittedText, fit_text
from throughline.preprocessing.columns.texts.text_graph import write_text
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.graph.layout import Layout
from throughline.preprocessing.plan import Plan, Planned
from throughline.preprocessing.raw import raw_values
from throughline.tokens.rows import is_windows, texts_of

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from throughline.samples.supervision import Supervision

Fitted = FittedNumber | FittedCategory | FittedLevels | FittedHash | FittedText | FittedImage

# Types of a network input, by the name that NumPy gives them.
ELEMENT_TYPES = {"float32": 1, "uint8": 1, "int32": 6}


@dataclass(frozen=True)
class Preprocessing:
    """A fitted preprocessing.

    Attributes:
        graph: raw columns in, one float tensor (N, features) for each network input out.
        features: for each network input the names of its features.
        inputs: name and kind of each raw column.
        types: for each network input the smallest type of NumPy that holds it exactly.
        rescaling: for network inputs of pictures the factor and offset of the network's first
            layer.
        unchanged: for network inputs that are a column of pictures as it is, the column.
        stored: for network inputs whose features stage `bottleneck` stored, the column.
        vectors: for network inputs of token numbers the weights of an Embedding, if wanted.
        numbered: for network inputs of token numbers the column of the texts.
        out_of_fold: for network inputs the first feature of a column encoded by the target, and
            what the training rows are trained on in its place, (rows, features).
    """

    graph: onnx.ModelProto
    features: Mapping[str, list[str]]
    inputs: Mapping[str, str]
    types: Mapping[str, str]
    rescaling: Mapping[str, Any] = field(default_factory=dict)
    unchanged: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    numbered: Mapping[str, str] = field(default_factory=dict)
    out_of_fold: Mapping[str, Sequence[tuple[int, np.ndarray]]] = field(default_factory=dict)

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
) -> Preprocessing:
    """Fit every column of the plan on these rows and write the graph.

    Args:
        rows: training rows, nothing else.
        plan: what happens to which column.
        layout: how samples lie in the rows. Default: each row is one.
        files: folder of the source's auxiliary files. Default: there are none.
        supervision: what encodings by the target learn from. Default: there is none.

    Raises:
        BadData: a column that cannot be treated as the pipeline file asks.
    """
    graph, layout = Graph(), layout or Layout()
    for name, kind in plan.raw.items():
        if kind == "image":
            graph.input(name, kind, _input_shape(name, rows, plan))
        else:
            layout.input(graph, name, kind)
    features, types, rescaling, unchanged, stored, numbered = {}, {}, {}, {}, {}, {}
    vectors: dict[str, np.ndarray] = {}
    out_of_fold: dict[str, list[tuple[int, np.ndarray]]] = {}
    for group, columns in plan.inputs.items():
        fitted = [_fit_column(rows, p, layout, files, supervision) for p in columns]
        blocks = _write(graph, columns, fitted, plan, layout)
        more, names = layout.more(graph, group)
        features[group] = [name for each in fitted for name in _features(each)] + names
        types[group] = _type(group, fitted)
        if held := list(_held_out(fitted)):
            out_of_fold[group] = held
        first = fitted[0]
        if isinstance(first, FittedImage):
            graph.node("Identity", blocks, group, exact=True)
            number = UINT8 if types[group] == "uint8" else ELEMENT_TYPES["float32"]
            graph.output(group, number, output_shape(first))
            if first.rescaling is not None:
                rescaling[group] = first.rescaling
            if first.unchanged:
                unchanged[group] = first.name
            if first.frozen is not None:
                stored[group] = first.name
        else:
            element_type = ELEMENT_TYPES[types[group]]
            layout.output(graph, blocks + more, group, element_type, len(features[group]))
        if types[group] == "int32":
            numbered[group] = first.name
        if isinstance(first, FittedText) and first.vectors is not None:
            vectors[group] = first.vectors
    return Preprocessing(
        graph.model(), features, dict(plan.raw), types, rescaling, unchanged, stored, vectors,
        numbered, out_of_fold,
    )  # fmt: skip


def _input_shape(name: str, rows: pd.DataFrame, plan: Plan) -> list[str | int]:
    treated = next(p for columns in plan.inputs.values() for p in columns if p.name == name)
    assert treated.column.image is not None
    return fit_image(name, rows[name], treated.column.image, _frozen(rows, name)).input_shape


def _frozen(rows: pd.DataFrame, name: str) -> Path | None:
    """The frozen network of a column of pictures, which travels with the rows."""
    path = rows.attrs.get(FROZEN, {}).get(name)
    return None if path is None else Path(path)


def _type(group: str, fitted: Sequence[Fitted]) -> str:
    own = (FittedText, FittedImage, FittedLevels)
    found = {each.element_type if isinstance(each, own) else "float32" for each in fitted}
    if len(fitted) > 1 and any(isinstance(each, FittedImage) for each in fitted):
        raise BadPipeline(
            f"Pictures need a network input of their own, and '{group}' has other columns",
            listed(each.name for each in fitted),
            "Give `inputs`, one of them for the pictures alone",
        )
    if "int32" in found and len(fitted) > 1:
        raise BadPipeline(
            f"Ids need a network input of their own, and '{group}' has other columns",
            listed(each.name for each in fitted),
            "Give `inputs`, one of them for the column of ids alone",
        )
    return found.pop() if len(found) == 1 else "float32"


def _features(fitted: Fitted) -> list[str]:
    return [fitted.name] if isinstance(fitted, FittedNumber) else fitted.features


def _held_out(fitted: Sequence[Fitted]) -> Iterator[tuple[int, np.ndarray]]:
    """The first feature and the training values of the columns that have some of their own."""
    first = 0
    for each in fitted:
        if isinstance(each, FittedLevels) and each.out_of_fold is not None:
            yield first, each.out_of_fold
        first += len(_features(each))


def _fit_column(
    rows: pd.DataFrame,
    planned: Planned,
    layout: Layout,
    files: Path | None,
    supervision: Supervision | None,
) -> Fitted:
    if planned.column.image is not None:
        frozen = _frozen(rows, planned.name)
        return fit_image(planned.name, rows[planned.name], planned.column.image, frozen)
    if planned.column.text is not None:
        column = rows[planned.name]
        held = texts_of(column) if is_windows(column) else raw_values(rows, planned.name, "string")
        return fit_text(planned.name, held, planned.column.text, files)
    if planned.column.encode is not None:
        if planned.column.derive is not None:
            values = derived(rows, planned.column.derive).astype(object)
        else:
            values = raw_values(rows, planned.name, planned.kind).astype(object)
        values = layout.values(values, planned.column)
        if planned.column.encode.kind == "hash":
            return fit_hash(planned)
        if planned.column.encode.kind in ("target", "frequency", "ids"):
            return fit_levels(planned, values, rows, supervision)
        return fit_category(planned, values)
    if planned.column.derive is not None:
        values = derived(rows, planned.column.derive)
    else:
        values = raw_values(rows, planned.name, planned.kind)
    values = layout.values(values.astype(np.float64), planned.column)
    return fit_number(planned.name, values, planned.column)


def _write(
    graph: Graph,
    columns: Sequence[Planned],
    fitted: Sequence[Fitted],
    plan: Plan,
    layout: Layout,
) -> list[str]:
    """Nodes of all columns of a network input; neighbours with the same steps share theirs."""
    blocks = []
    pairs = zip(columns, fitted, strict=True)
    for _, run in groupby(pairs, key=lambda pair: _shared_steps(pair[1])):
        members = list(run)
        values = [
            layout.finished(
                graph, _value(graph, planned, each, plan, layout), planned.name, planned.column
            )
            for planned, each in members
        ]
        first = members[0][1]
        if isinstance(first, FittedCategory):
            blocks.append(write_category(graph, values[0], first))
        elif isinstance(first, FittedLevels | FittedHash):
            blocks.append(first.write(graph, values[0]))
        elif isinstance(first, FittedImage):
            blocks.append(write_image(graph, values[0], first))
        elif isinstance(first, FittedText):
            blocks.append(write_text(graph, values[0], first))
        else:
            numbers = [each for _, each in members if isinstance(each, FittedNumber)]
            blocks.append(write_numbers(graph, values, numbers))
    return blocks


def _shared_steps(fitted: Fitted) -> object:
    return fitted.steps if isinstance(fitted, FittedNumber) else fitted.name


def _value(graph: Graph, planned: Planned, fitted: Fitted, plan: Plan, layout: Layout) -> str:
    """The name of the tensor (N, 1) that a column starts from."""
    derive = planned.column.derive
    if derive is None:
        own = layout.raw(graph, planned.name, planned.column)
        if planned.kind == "boolean" and isinstance(fitted, FittedNumber):
            return graph.node("Cast", [own], f"{planned.name}/number", to=1)
        return own
    sources = [layout.raw(graph, name, planned.column) for name in derive.of]
    return write_derived(graph, sources, planned, plan)
