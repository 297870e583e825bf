"""Category columns: one-hot, ordinal and boolean, fitted and written as nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, listed
from throughline.preprocessing.columns.kind import FittedColumn, Given, encodes

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.plan import Planned

ENCODINGS = {
    "one-hot": {"settings": ("categories", "unknown")},
    "ordinal": {
        "settings": ("categories",),
        "needs": {"categories": "categories, lowest first"},
        "short": "categories",
        "scaled": True,
    },
    "boolean": {"settings": ("true",), "short": "true"},
}
# With more categories a look-up is quicker than comparing a text with each of them.
MOST_COMPARED = 32


class Encoded(FittedColumn):
    """A column whose values are levels."""

    @classmethod
    def described(cls, values: pd.Series, kind: str, column: Column) -> dict[str, Any]:
        """The share of each text, and whether others are refused."""
        assert column.encode is not None
        if kind != "string":
            return {}
        shares = values.dropna().astype(str).value_counts(normalize=True).sort_index()
        return {
            "categories": {str(k): round(float(v), 6) for k, v in shares.items()},
            "closed": column.encode.kind == "ordinal",
        }


@encodes(ENCODINGS)
@dataclass(frozen=True)
class FittedCategory(Encoded):
    """The categories of one column, in the order of their features."""

    name: str
    kind: str
    encode: str
    missing: tuple[Any, ...]
    fill: Any
    categories: tuple[Any, ...]
    bucket: bool
    subtract: float
    divide: float

    @property
    def features(self) -> list[str]:
        """The names of the features that the column becomes."""
        if self.encode == "ordinal":
            return [self.name]
        if self.encode == "boolean":
            return [f"{self.name}={self.categories[0]}"]
        names = [f"{self.name}={category}" for category in self.categories]
        return [*names, f"{self.name}=unknown"] if self.bucket else names

    @classmethod
    def fit(cls, planned: Planned, given: Given) -> FittedCategory:
        """Fit the categories of a column on its training values."""
        return fit_category(planned, given.values(planned, object))

    def write(self, graph: Graph, value: str) -> str:
        """Nodes from the raw column (N, 1) to its features (N, features)."""
        return write_category(graph, value, self)


def fit_category(planned: Planned, values: np.ndarray) -> FittedCategory:
    """Fit the categories of a column on its training values.

    Args:
        planned: the column and its treatment; `planned.column.encode` is set.
        values: object of shape (rows,): strings ("" where missing), floats (NaN) or booleans.

    Raises:
        BadData: missing values that nothing fills, a category that `ordinal` does not list.
    """
    column = planned.column
    encode = column.encode
    assert encode is not None
    missing = tuple(as_kind(planned.kind, value) for value in column.missing)
    absent = absent_values(values, missing)
    present = values[~absent]
    fill = fill_value(planned, present)
    if absent.any() and fill is None and encode.kind != "boolean":
        raise BadData(
            f"Column '{planned.name}' is missing in {int(absent.sum())} of "
            f"{len(values)} training rows",
            remedy="Give it an `impute`, such as most-frequent or {constant: none}",
        )
    found = sorted({*present.tolist(), *([fill] if absent.any() and fill is not None else [])})
    if encode.kind == "boolean":
        chosen = encode.true if encode.true is not None else True
        return _fitted(planned, missing, fill, (as_kind(planned.kind, chosen),), 0.0, 1.0)
    if encode.categories is None:
        return _fitted(planned, missing, fill, tuple(found), 0.0, 1.0)
    categories = tuple(as_kind(planned.kind, category) for category in encode.categories)
    places = {category: place for place, category in reversed([*enumerate(categories)])}
    strangers = [category for category in found if category not in places]
    if strangers and not (encode.kind == "one-hot" and encode.unknown == "bucket"):
        raise BadData(
            f"Column '{planned.name}' must hold the categories that its '{encode.kind}' lists",
            listed(strangers),
            "Add them in columns." + planned.name + ".encode",
        )
    subtract, divide = 0.0, 1.0
    if encode.kind == "ordinal":
        from throughline.preprocessing.columns.kinds.number import scaling

        positions = np.array([places[v] for v in np.where(absent, fill, values)], float)
        subtract, divide = scaling(planned.name, positions, column.scale)
    return _fitted(planned, missing, fill, categories, subtract, divide)


def _fitted(
    planned: Planned,
    missing: tuple[Any, ...],
    fill: Any,
    categories: tuple[Any, ...],
    subtract: float,
    divide: float,
) -> FittedCategory:
    encode = planned.column.encode
    assert encode is not None
    bucket = encode.kind == "one-hot" and encode.unknown == "bucket"
    return FittedCategory(
        planned.name,
        planned.kind,
        encode.kind,
        missing,
        fill,
        categories,
        bucket,
        subtract,
        divide,
    )


def fill_value(planned: Planned, present: np.ndarray) -> Any:
    """What `impute` puts in the place of a missing category, or None where it is not asked for."""
    impute = planned.column.impute
    if impute is None:
        return None
    if impute.kind == "constant":
        return as_kind(planned.kind, impute.value)
    if impute.kind != "most-frequent":
        raise BadData(
            f"columns.{planned.name}.impute must be most-frequent or a constant for categories",
            impute.kind,
        )
    if len(present) == 0:
        raise BadData(f"Column '{planned.name}' has no value in the training rows to impute from")
    counts: dict[Any, int] = {}
    for value in present.tolist():
        counts[value] = counts.get(value, 0) + 1
    return min(counts, key=lambda value: (-counts[value], value))


def as_kind(kind: str, value: Any) -> Any:
    """A value of the pipeline file in the kind of the column."""
    if kind == "string":
        return str(value)
    if kind == "boolean":
        return bool(value)
    try:
        return float(value)
    except ValueError:
        raise BadData("A category of a number column must be a number", value) from None


def absent_values(values: np.ndarray, stand_ins: tuple[Any, ...]) -> np.ndarray:
    """Whether each value of a column is missing, or stands for that."""
    return np.array([v == "" or v != v or v in stand_ins for v in values], dtype=bool)


def write_category(graph: Graph, value: str, fitted: FittedCategory) -> str:
    """Nodes for one column.

    Args:
        graph: receives the nodes.
        value: name of the tensor (N, 1) of the raw column.
        fitted: its categories.

    Returns:
        name of a float tensor (N, features).
    """
    name = fitted.name
    dtype: Any = str if fitted.kind == "string" else np.float32
    if fitted.kind == "boolean":
        value = graph.node("Cast", [value], f"{name}/number", to=1)
    if fitted.fill is not None:
        value = _filled(graph, value, fitted, dtype)
    looked_up = fitted.kind == "string" and len(fitted.categories) > MOST_COMPARED
    if fitted.encode == "ordinal":
        position = (_looked_up if looked_up else _compared)(graph, value, fitted)
        shift = graph.constant([[1.0 + fitted.subtract]], f"{name}/subtract")
        centred = graph.node("Sub", [position, shift], f"{name}/centred")
        if fitted.divide == 1.0:
            return centred
        return graph.node(
            "Div", [centred, graph.constant([[fitted.divide]], f"{name}/divide")], f"{name}/scaled"
        )
    if looked_up:
        return _spread(graph, value, fitted)
    hot = _hot(graph, value, fitted, dtype)
    if not fitted.bucket:
        return hot
    one = graph.constant(1.0, f"{name}/one")
    axes = graph.constant([1], f"{name}/axes", np.int64)
    known = graph.node("ReduceMax", [hot, axes], f"{name}/known", keepdims=1)
    unknown = graph.node("Sub", [one, known], f"{name}/unknown")
    return graph.node("Concat", [hot, unknown], f"{name}/one_hot", axis=1)


def _hot(graph: Graph, value: str, fitted: FittedCategory, dtype: Any) -> str:
    """Nodes for one comparison a category, (N, 1) == (1, categories): 1 where it is the row's."""
    name = fitted.name
    listed_ = graph.constant([list(fitted.categories)], f"{name}/categories", dtype)
    is_category = graph.node("Equal", [value, listed_], f"{name}/is")
    return graph.node("Cast", [is_category], f"{name}/hot", to=1)


def _compared(graph: Graph, value: str, fitted: FittedCategory) -> str:
    """Nodes for the position of a category from 1, (N, 1); 0 for a value that is none."""
    dtype: Any = str if fitted.kind == "string" else np.float32
    hot = _hot(graph, value, fitted, dtype)
    positions = np.arange(1, len(fitted.categories) + 1, dtype=np.float32)[:, None]
    constant = graph.constant(positions, f"{fitted.name}/positions")
    return graph.node("MatMul", [hot, constant], f"{fitted.name}/position")


def _looked_up(graph: Graph, value: str, fitted: FittedCategory) -> str:
    """What `_compared` gives, by one look-up a row."""
    return graph.node(
        "ml.LabelEncoder",
        [value],
        f"{fitted.name}/position",
        keys_strings=list(fitted.categories),
        values_floats=[float(place + 1) for place in range(len(fitted.categories))],
        default_float=0.0,
    )


def _spread(graph: Graph, value: str, fitted: FittedCategory) -> str:
    """Nodes for a one-hot row from one look-up: an unknown value is behind the last category."""
    name, count = fitted.name, len(fitted.categories)
    place = graph.node(
        "ml.LabelEncoder",
        [value],
        f"{name}/place",
        keys_strings=list(fitted.categories),
        values_int64s=list(range(count)),
        default_int64=count,
    )
    flat = graph.constant([-1], f"{name}/flat", np.int64)
    place = graph.node("Reshape", [place, flat], f"{name}/flat_place")
    depth = graph.constant(count + int(fitted.bucket), f"{name}/features", np.int64)
    values = graph.constant([0.0, 1.0], f"{name}/off_and_on")
    return graph.node("OneHot", [place, depth, values], f"{name}/one_hot", axis=-1)


def _filled(graph: Graph, value: str, fitted: FittedCategory, dtype: Any) -> str:
    """Nodes that put the fill in the place of missing values and of those that stand for one."""
    name = fitted.name
    if fitted.kind == "string":
        empty = graph.constant("", f"{name}/missing", str)
        absent = graph.node("Equal", [value, empty], f"{name}/is_missing")
    else:
        absent = graph.node("IsNaN", [value], f"{name}/is_missing")
    for stand_in in fitted.missing:
        same = graph.constant(stand_in, f"{name}/stands_for_missing", dtype)
        hidden = graph.node("Equal", [value, same], f"{name}/is_hidden")
        absent = graph.node("Or", [absent, hidden], f"{name}/is_missing")
    fill = graph.constant(fitted.fill, f"{name}/fill", dtype)
    return graph.node("Where", [absent, fill, value], f"{name}/imputed")
