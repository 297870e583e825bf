"""Categories of many levels, looked up: target mean, frequency, ids.

A level is looked up by one LabelEncoder and its features by one Gather, so that neither time nor
memory grows with rows x levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, BadPipeline
from throughline.preprocessing.columns.kind import Given, OwnInput, encodes
from throughline.preprocessing.columns.kinds.category import (
    Encoded,
    absent_values,
    as_kind,
    fill_value,
)

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.plan import Planned
    from throughline.samples.supervision import Supervision

ENCODINGS = {
    "target": {"settings": ("smooth",), "scaled": True},
    "frequency": {"scaled": True},
    "ids": {
        "settings": ("size", "minimum_count"),
        "needs": {"size": "'size', such as {ids: {size: 5000}}"},
    },
}
UNKNOWN = 0


@encodes(ENCODINGS)
@dataclass(frozen=True)
class FittedLevels(Encoded):
    """The levels of one column, and what each becomes.

    Attributes:
        name: of the column.
        kind: number, string or boolean.
        keys: the values that are looked up; every other one is unknown.
        places: of each key the row of `table`, or the id.
        missing: the row, or the id, of a missing value.
        names: of the features.
        table: float32 (levels + 1, features), its first row for an unknown level; none for ids.
        out_of_fold: for the training rows what they are trained on where that is not what the
            graph gives, float32 (rows, features).
    """

    name: str
    kind: str
    keys: tuple[Any, ...]
    places: tuple[int, ...]
    missing: int
    names: list[str]
    table: np.ndarray | None = None
    out_of_fold: np.ndarray | None = None

    @classmethod
    def fit(cls, planned: Planned, given: Given) -> FittedLevels:
        """Fit what each level of a column becomes on its training rows."""
        values = given.values(planned, object)
        return fit_levels(planned, values, given.rows, given.supervision)

    @classmethod
    def may_be_missing(cls, column: Column) -> bool:
        """A level that is not there is an unknown one."""
        return True

    @property
    def features(self) -> list[str]:
        """The names of the features."""
        return self.names

    @property
    def own_input(self) -> OwnInput | None:
        """Ids are for an Embedding."""
        return OwnInput("Ids", "the column of ids") if self.table is None else None

    @property
    def element_type(self) -> str:
        """The smallest type that holds every value exactly."""
        return "int32" if self.table is None else "float32"

    def write(self, graph: Graph, value: str) -> str:
        """Nodes from the raw column (N, 1) to its features (N, features)."""
        name = self.name
        flat = graph.constant([-1], f"{name}/flat", np.int64)
        value = graph.node("Reshape", [value, flat], f"{name}/flat_values")
        if self.kind == "boolean":
            value = graph.node("Cast", [value], f"{name}/number", to=1)
        texts = self.kind == "string"
        places = dict(zip(self.keys, self.places, strict=True))
        if texts and self.missing:
            places[""] = self.missing
        keys: dict[str, Any] = {"keys_strings" if texts else "keys_floats": list(places)}
        place = graph.node(
            "ml.LabelEncoder",
            [value],
            f"{name}/place",
            values_int64s=list(places.values()),
            default_int64=UNKNOWN,
            **keys,
        )
        if not texts and self.missing:
            absent = graph.node("IsNaN", [value], f"{name}/is_missing")
            missing = graph.constant(self.missing, f"{name}/missing", np.int64)
            place = graph.node("Where", [absent, missing, place], f"{name}/filled")
        if self.table is None:
            column = graph.constant([-1, 1], f"{name}/column", np.int64)
            place = graph.node("Reshape", [place, column], f"{name}/places")
            return graph.node("Cast", [place], f"{name}/ids", to=6)
        table = graph.constant(self.table, f"{name}/table")
        return graph.node("Gather", [table, place], f"{name}/encoded", axis=0)


@dataclass(frozen=True)
class Levels:
    """The levels of a column in its training rows.

    Attributes:
        values: the levels in order; a missing one is none of them.
        codes: of each row the number of its level, `len(values)` where it is missing.
        stand_ins: values that mean missing.
    """

    values: tuple[Any, ...]
    codes: np.ndarray
    stand_ins: tuple[Any, ...]
    fill: Any

    @property
    def count(self) -> int:
        """Of levels, the missing one included where there is one."""
        return len(self.values) + int(self._some_missing)

    @property
    def _some_missing(self) -> bool:
        return bool((self.codes == len(self.values)).any())

    def fitted(
        self,
        planned: Planned,
        places: np.ndarray,
        features: list[str],
        table: np.ndarray | None = None,
        out_of_fold: np.ndarray | None = None,
    ) -> FittedLevels:
        """The column whose level number i is at `places[i]`."""
        keys = dict(zip(self.values, places.tolist(), strict=False))
        missing = int(places[-1]) if self._some_missing else UNKNOWN
        if self.fill is not None:
            missing = keys.get(self.fill, UNKNOWN)
        keys |= dict.fromkeys(self.stand_ins, missing)
        known = {key: place for key, place in keys.items() if place != UNKNOWN}
        return FittedLevels(
            planned.name, planned.kind, tuple(known), tuple(known.values()), missing, features,
            table, out_of_fold,
        )  # fmt: skip


def levels_of(planned: Planned, values: np.ndarray) -> Levels:
    """The levels of a column.

    Args:
        planned: the column and its treatment.
        values: object of shape (rows,): strings ("" where missing), floats (NaN) or booleans.

    Raises:
        BadData: no row has a value.
    """
    import pandas as pd

    stand_ins = tuple(as_kind(planned.kind, value) for value in planned.column.missing)
    absent = absent_values(values, stand_ins)
    if absent.all():
        raise BadData(f"Column '{planned.name}' must have a value in some training row")
    fill = fill_value(planned, values[~absent]) if absent.any() or planned.column.impute else None
    held = values if fill is None else np.where(absent, fill, values)
    codes, found = pd.factorize(held[~absent] if fill is None else held, sort=True)
    numbers = np.full(len(values), len(found), dtype=np.int64)
    numbers[~absent if fill is None else slice(None)] = codes
    return Levels(tuple(found.tolist()), numbers, stand_ins, fill)


def fit_levels(
    planned: Planned, values: np.ndarray, rows: pd.DataFrame, supervision: Supervision | None
) -> FittedLevels:
    """Fit what each level of a column becomes on its training rows.

    Args:
        planned: the column and its treatment; `planned.column.encode` is target, frequency or ids.
        values: as for `levels_of`.
        rows: the training rows, of which `supervision` reads the target.
        supervision: the target. Default: there is none, as in a window.

    Raises:
        BadPipeline: an encoding by the target of rows that have none.
        BadData: features without a spread, which cannot be scaled.
    """
    encode = planned.column.encode
    assert encode is not None
    levels = levels_of(planned, values)
    if encode.kind == "ids":
        return _ids(planned, levels)
    places = np.arange(1, levels.count + 1)
    if encode.kind == "frequency":
        counts = np.bincount(levels.codes, minlength=levels.count) / len(values)
        table = np.concatenate([[0.0], counts])[:, None]
        return levels.fitted(planned, places, [planned.name], *_scaled(planned, levels, table))
    if supervision is None:
        raise BadPipeline(
            f"columns.{planned.name}.encode: 'target' needs a target in each row",
            remedy="Use `frequency`, `hash` or `ids`",
        )
    answers, smooth = supervision.values(rows), encode.smooth
    table = target_means(levels.codes, levels.count, answers, smooth)
    out_of_fold = np.empty_like(answers)
    blocks = supervision.blocks(rows)
    for block in range(int(blocks.max()) + 1):
        held = blocks == block
        # What a row is trained on has not seen the row's own target.
        known = target_means(levels.codes[~held], levels.count, answers[~held], smooth)
        out_of_fold[held] = known[levels.codes[held] + 1]
    outputs = supervision.outputs
    names = [f"{planned.name}:{output}" for output in outputs]
    features = names if len(outputs) > 1 else [planned.name]
    return levels.fitted(planned, places, features, *_scaled(planned, levels, table, out_of_fold))


def target_means(
    codes: np.ndarray, count: int, answers: np.ndarray, smooth: float | str
) -> np.ndarray:
    """The smoothed mean of the target for each level; the mean of all rows for an unknown one.

    `smooth` rows of the overall mean are added to each level; `auto` weighs a level's own mean by
    n var / (n var + mean square within the level), the empirical Bayes estimate. Source:
    Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes,
    SIGKDD Explorations 3; the numbers are those of scikit-learn's TargetEncoder.

    Args:
        codes: of each row the number of its level.
        count: of levels.
        answers: (rows, outputs).
        smooth: a number of rows, or `auto`.

    Returns:
        (1 + count, outputs), the first row for an unknown level.
    """
    rows = np.bincount(codes, minlength=count).astype(np.float64)
    table = np.empty((1 + count, answers.shape[1]))
    for output, values in enumerate(answers.T):
        overall = values.mean()
        sums = np.bincount(codes, values, minlength=count)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = sums / rows
            if isinstance(smooth, str):
                within = np.bincount(codes, (values - means[codes]) ** 2, minlength=count) / rows
                own = values.var() * rows / (values.var() * rows + within)
                smoothed = own * means + (1 - own) * overall
            else:
                smoothed = (sums + smooth * overall) / (rows + smooth)
        table[:, output] = overall, *np.where(np.isnan(smoothed), overall, smoothed)
    return table


def _scaled(
    planned: Planned, levels: Levels, table: np.ndarray, out_of_fold: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """The features after `scale`, fitted on what the graph gives for the training rows.

    Out of fold, a level that says nothing hardly spreads; divided by that, what the graph gives
    for the very same rows would be far outside all that the network was trained on.
    """
    from throughline.preprocessing.columns.kinds.number import scaling

    given = table[levels.codes + 1]
    constants = [scaling(planned.name, values, planned.column.scale) for values in given.T]
    subtract, divide = np.transpose(constants)
    scaled = ((table - subtract) / divide).astype(np.float32)
    if out_of_fold is None:
        return scaled, None
    return scaled, ((out_of_fold - subtract) / divide).astype(np.float32)


def _ids(planned: Planned, levels: Levels) -> FittedLevels:
    """1 for the most frequent level, and so on; 0 for rare and unknown ones, which share it."""
    encode = planned.column.encode
    assert encode is not None
    counts = np.bincount(levels.codes, minlength=levels.count)
    order = np.lexsort((np.arange(levels.count), -counts))[: encode.size]
    order = order[counts[order] >= encode.minimum_count]
    if not len(order):
        raise BadData(
            f"Column '{planned.name}' must have a level that {encode.minimum_count} training rows "
            "hold",
            f"at most {counts.max()}",
            f"Lower columns.{planned.name}.encode.ids.minimum_count",
        )
    places = np.full(levels.count, UNKNOWN)
    places[order] = np.arange(1, len(order) + 1)
    return levels.fitted(planned, places, [planned.name])
