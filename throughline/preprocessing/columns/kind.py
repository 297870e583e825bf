"""What a kind of column is: one class, fitted on training rows and written into the graph.

An encoding of your own is a module in `kinds/`; the schema reads `ENCODINGS` without importing it:

    ENCODINGS = {"length": {"scaled": True}}

    @encodes(ENCODINGS)
    @dataclass(frozen=True)
    class FittedLength(Encoded): ...
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np
import numpy.typing as npt

from throughline.errors import BadPipeline
from throughline.preprocessing.columns.derived import derived
from throughline.preprocessing.graph.layout import Layout
from throughline.preprocessing.raw import raw_values

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.plan import Planned
    from throughline.samples.supervision import Supervision


@dataclass(frozen=True)
class Given:
    """What columns are fitted on.

    Attributes:
        rows: training rows, nothing else.
        layout: how samples lie in the rows. Default: each row is one.
        files: folder of the source's auxiliary files. Default: there are none.
        frozen: for columns of pictures the frozen network that they go through. Default: none.
        supervision: what encodings by the target learn from. Default: there is none.
    """

    rows: pd.DataFrame
    layout: Layout = field(default_factory=Layout)
    files: Path | None = None
    frozen: Mapping[str, Path] = field(default_factory=dict)
    supervision: Supervision | None = None

    def values(self, planned: Planned, dtype: npt.DTypeLike) -> np.ndarray:
        """The values of a column that it is fitted on, shape (rows,)."""
        derive = planned.column.derive
        found = (
            raw_values(self.rows, planned.name, planned.kind)
            if derive is None
            else derived(self.rows, derive)
        )
        return self.layout.values(found.astype(dtype), planned.column)


class OwnInput(NamedTuple):
    """Why a column has a network input of its own: what it holds, and how a remedy calls it."""

    what: str
    alone: str


class FittedColumn(ABC):
    """A column fitted on training rows.

    Attributes:
        name: of the column.
        out_of_fold: for the training rows what they are trained on where that is not what the
            graph gives, (rows, features).
        vectors: weights of an Embedding for the token numbers, if wanted.
        frozen: the frozen network whose features stage `bottleneck` stored.
        pictures: whether the kind is that of columns of pictures.
    """

    name: str
    out_of_fold: np.ndarray | None = None
    vectors: np.ndarray | None = None
    frozen: Path | None = None
    pictures: ClassVar[bool] = False

    @classmethod
    def check(cls, name: str, kind: str, column: Column) -> None:
        """Refuse a treatment that does not fit the kind of the raw values.

        Raises:
            BadPipeline: it does not.
        """
        if cls.pictures != (kind == "image"):
            raise BadPipeline(
                f"columns.{name}: 'image' and pictures belong together",
                kind,
                "Say in 'source.images' which column holds pictures, and treat it by 'image'",
            )
        useless = [key for key in ("clip", "log") if getattr(column, key) is not None]
        if useless and kind != "number":
            raise BadPipeline(f"columns.{name}.{useless[0]} needs numbers", kind, "Remove it")

    @classmethod
    @abstractmethod
    def fit(cls, planned: Planned, given: Given) -> Self:
        """Fit a column on training rows.

        Raises:
            BadData: a column that cannot be treated as the pipeline file asks.
        """

    @classmethod
    def may_be_missing(cls, column: Column) -> bool:
        """Whether a model has something to give for a value that is missing."""
        matches = column.derive is not None and column.derive.kind == "matches"
        return column.impute is not None or matches

    @classmethod
    def described(cls, values: pd.Series, kind: str, column: Column) -> dict[str, Any]:
        """What the contract says of the raw column beside its unit and its statistics."""
        return {}

    @property
    @abstractmethod
    def features(self) -> list[str]:
        """The names of the features that the column becomes."""

    @property
    def element_type(self) -> str:
        """The smallest type of NumPy that holds every value exactly."""
        return "float32"

    @property
    def own_input(self) -> OwnInput | None:
        """Why the column has a network input of its own. Default: it need not have one."""
        return None

    @property
    def rescaling(self) -> Any:
        """Factor and offset of the network's first layer, for pictures."""
        return None

    @property
    def unchanged(self) -> bool:
        """Whether the graph gives the raw values as they are."""
        return False

    @property
    def input_shape(self) -> list[str | int] | None:
        """What the graph takes. Default: what the layout of samples says."""
        return None

    @property
    def steps(self) -> object:
        """What happens to the column; neighbours with the same steps share their nodes."""
        return self.name

    def cast(self, graph: Graph, value: str, kind: str) -> str:
        """The raw tensor (N, 1) in the type that the steps begin with."""
        return value

    @abstractmethod
    def write(self, graph: Graph, value: str) -> str:
        """Nodes from a tensor (N, 1), or of pictures, to the features (N, features)."""

    @classmethod
    def write_block(cls, graph: Graph, values: Sequence[str], columns: Sequence[Self]) -> str:
        """Nodes for neighbours with the same steps; all kinds but numbers come alone."""
        (value,), (column,) = values, columns
        return column.write(graph, value)

    def output(
        self, graph: Graph, layout: Layout, blocks: Sequence[str], group: str, features: int
    ) -> None:
        """Declare the network input that the column is the first of."""
        layout.output(graph, blocks, group, ELEMENT_TYPES[self.element_type], features)


# Types of a network input, by the name that NumPy gives them; uint8 is made of floats.
ELEMENT_TYPES = {"float32": 1, "uint8": 1, "int32": 6}

_KINDS: dict[str, type[FittedColumn]] = {}
_Kind = TypeVar("_Kind", bound=type[FittedColumn])


def treats(*keys: str) -> Callable[[_Kind], _Kind]:
    """Register the class of columns that a key of `columns` asks for.

    Args:
        keys: a section of a column, such as `text`, or `encode.KIND`.
    """

    def register(kind: _Kind) -> _Kind:
        for key in keys:
            _KINDS[key] = kind
        return kind

    return register


def encodes(encodings: Iterable[str]) -> Callable[[_Kind], _Kind]:
    """Register the class of columns that some kinds of `encode` ask for."""
    return treats(*(f"encode.{name}" for name in encodings))


@cache
def _registered() -> Mapping[str, type[FittedColumn]]:
    from throughline.preprocessing.columns import kinds

    for module in pkgutil.iter_modules(kinds.__path__, f"{kinds.__name__}."):
        importlib.import_module(module.name)
    return _KINDS


def kind_of_column(column: Column) -> type[FittedColumn]:
    """The class of a column by its treatment; what nothing else treats is a number."""
    for key, kind in _registered().items():
        section, _, wanted = key.partition(".")
        found = getattr(column, section, None)
        if found is not None and (not wanted or found.kind == wanted):
            return kind
    return _registered()[""]
