"""Sections `columns` and `target`: what happens to each raw column before the network sees it.

The order of the steps is fixed and is the order of the fields below: missing values are marked,
filled, then the value is clipped, its logarithm taken, and it is scaled or encoded. All of it
becomes ONNX nodes whose constants are fitted on training rows only (`throughline/preprocessing/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from throughline.declarations import declarations
from throughline.pipeline.schema.pictures.image import Image
from throughline.pipeline.schema.text import Text
from throughline.pipeline.schema.time import Changing, Smoothing
from throughline.pipeline.strict import Strict, spelled_out

Scalar = float | int | str | bool


class Impute(Strict):
    """How a missing value is filled, in training and in serving.

    Args:
        kind: a statistic of the training rows, or `constant`.
        value: what `constant` fills in; written `impute: {constant: 0}`.
    """

    kind: Literal["mean", "median", "most-frequent", "constant"]
    value: Scalar | None = None

    @model_validator(mode="after")
    def _value_only_for_constant(self) -> Impute:
        if (self.kind == "constant") != (self.value is not None):
            raise ValueError("'constant' needs a value and the other kinds take none")
        return self


class Scale(Strict):
    """How a number is scaled.

    standard: (x - mean) / sd · minmax: (x - min) / (max - min) · mean: (x - mean) / (max - min) ·
    robust: (x - median) / (third quartile - first quartile) · constant: (x - subtract) / divide.

    Args:
        kind: by which statistics of the training rows, or `constant`.
        subtract: of `constant`. Default: 0.
        divide: of `constant`. Default: 1.
    """

    kind: Literal["standard", "minmax", "mean", "robust", "constant"]
    subtract: float = 0.0
    divide: float = 1.0

    @model_validator(mode="after")
    def _constants_only_for_constant(self) -> Scale:
        if self.kind != "constant" and (self.subtract, self.divide) != (0.0, 1.0):
            raise ValueError(f"'{self.kind}' is fitted and takes neither 'subtract' nor 'divide'")
        if self.divide == 0:
            raise ValueError("'divide' must not be 0")
        return self


class Encoding(NamedTuple):
    """What a kind of column declares of an encoding, in `ENCODINGS`.

    Attributes:
        settings: keys of `encode` that mean something to it.
        needs: those that it cannot do without, and how a message calls them.
        short: the setting that `{KIND: VALUE}` gives.
        scaled: whether its number may be scaled.
    """

    settings: tuple[str, ...] = ()
    needs: Mapping[str, str] = {}
    short: str = ""
    scaled: bool = False


ENCODINGS: dict[str, Encoding] = {
    name: Encoding(**said)
    for encodings in declarations("preprocessing/columns/kinds", "ENCODINGS").values()
    for name, said in encodings.items()
}

if TYPE_CHECKING:
    EncodingName = str
    BareEncodingName = str
else:
    EncodingName = Literal[tuple(ENCODINGS)]
    BareEncodingName = Literal[tuple(name for name, each in ENCODINGS.items() if not each.needs)]


class Encode(Strict):
    """How a category becomes numbers.

    one-hot: one 0/1 feature a category. ordinal: the position in `categories`. boolean: 1 for
    `true`, 0 for everything else. For thousands of levels: target: the mean of the target among the
    level's rows, one value a class where there are several; a training row is given that of the
    other four fifths of the rows. frequency: the level's share of the rows. hash: 1 or -1 in one of
    `buckets`. ids: 1 for the most frequent level and so on, 0 for all others, for an Embedding.

    Args:
        kind: of encoding.
        categories: of `one-hot` (default: those of the training rows) or `ordinal`, lowest first.
        unknown: what `one-hot` makes of any other value: zeros, or with `bucket` a 1 in a feature
            of its own, which training fills only when `categories` leaves some of its rows out.
        true: the value that `boolean` makes 1.
        smooth: how far `target` draws a level towards the mean of all rows, in rows. Default: by
            the variance within and between levels.
        buckets: of `hash`, how many features.
        size: the most levels that `ids` tells apart.
        minimum_count: rows that a level of `ids` needs. Default: 2.
    """

    kind: EncodingName
    categories: list[Scalar] | None = Field(default=None, min_length=1)
    unknown: Literal["zeros", "bucket"] = "zeros"
    true: Scalar | None = None
    smooth: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"
    buckets: int | None = Field(default=None, ge=2)
    size: int | None = Field(default=None, ge=1)
    minimum_count: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _complete(self) -> Encode:
        own = ENCODINGS[self.kind]
        for key, field in type(self).model_fields.items():
            if key not in ("kind", *own.settings) and getattr(self, key) != field.default:
                kinds = [f"'{kind}'" for kind, each in ENCODINGS.items() if key in each.settings]
                raise ValueError(f"'{key}' has a meaning for {' and '.join(kinds)} only")
        for key, called in own.needs.items():
            if getattr(self, key) is None:
                raise ValueError(f"'{self.kind}' needs its {called}")
        return self


DerivedKind = Literal[
    "sum", "difference", "product", "ratio", "sd", "sd-of-differences", "equals", "matches"
]


class Derive(Strict):
    """A column computed from other raw columns, inside the graph.

    sd is the standard deviation of the columns' values in a row, sd-of-differences that of the
    differences between neighbours, in the order of `of`. equals is 1 where a column is `to`;
    matches counts how often the pattern `to` stands in a text, letters A to Z folded.

    Args:
        kind: of computation.
        of: raw columns; a name may be a pattern such as `pixel_*`.
        to: the value of `equals`, the pattern (RE2) of `matches`.
    """

    kind: DerivedKind
    of: list[str] = Field(min_length=1)
    to: Scalar | None = None

    @model_validator(mode="after")
    def _arity(self) -> Derive:
        if self.kind in ("equals", "matches"):
            if len(self.of) != 1 or self.to is None:
                raise ValueError(f"'{self.kind}' takes one column in 'of' and a value in 'to'")
        elif self.to is not None:
            raise ValueError("'to' has a meaning for 'equals' and 'matches' only")
        elif self.kind in ("difference", "ratio") and len(self.of) != 2:
            raise ValueError(f"'{self.kind}' takes two columns in 'of'")
        return self


def _short_bounds(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 2:
        return {"low": value[0], "high": value[1]}
    return value


class Bounds(Strict):
    """The range that values are clipped to; written `[low, high]`.

    Args:
        low: the least value. Default: none.
        high: the largest value. Default: none.
    """

    low: float | None = None
    high: float | None = None


# The short forms, and for editors the types in which they may be written.
ShortDerive = dict[DerivedKind, Any]
ShortImpute = Literal["mean", "median", "most-frequent"] | dict[Literal["constant"], Scalar]
ShortScale = Literal["standard", "minmax", "mean", "robust"] | dict[Literal["constant"], Any]
ShortEncode = BareEncodingName | dict[EncodingName, Any]

DERIVED = dict.fromkeys(("sum", "difference", "product", "ratio", "sd", "sd-of-differences"), "of")
SHORT_SETTINGS = {name: each.short for name, each in ENCODINGS.items() if each.short}

Scaling = Annotated[
    Scale | None,
    BeforeValidator(
        lambda value: spelled_out(value, {}), json_schema_input_type=Scale | ShortScale | None
    ),
]


class Column(Strict):
    """What happens to one raw column, or to every column that a pattern such as `pixel_*` names.

    Args:
        unit: of its values, for reports and pages.
        derive: computes the column from others, such as `{sum: [a, b]}`.
        missing: values that stand for a missing one, such as 0 or 999.
        impute: fills missing values: `mean`, `median`, `most-frequent` or `{constant: VALUE}`.
        clip: cuts values off, `[low, high]`.
        log: the natural logarithm, or with `plus-one` that of the value and 1.
        scale: `standard`, `minmax`, `mean`, `robust`, or `{constant: {subtract: 0, divide: 255}}`.
        encode: makes numbers of categories, such as `one-hot` or `{ordinal: [low, high]}`.
        text: makes numbers of texts; nothing but `unit` goes beside it.
        image: makes numbers of pictures or sounds; nothing but `unit` goes beside it.
        smooth: the mean of a row and rows before it, in a series.
        change: what the value has become since a row before, in a series.
    """

    unit: str = ""
    derive: Annotated[
        Derive | None,
        BeforeValidator(
            lambda value: spelled_out(value, DERIVED),
            json_schema_input_type=Derive | ShortDerive | None,
        ),
    ] = None
    missing: list[Scalar] = []
    impute: Annotated[
        Impute | None,
        BeforeValidator(
            lambda value: spelled_out(value, {"constant": "value"}),
            json_schema_input_type=Impute | ShortImpute | None,
        ),
    ] = None
    clip: Annotated[
        Bounds | None,
        BeforeValidator(_short_bounds, json_schema_input_type=Bounds | list[float | None] | None),
    ] = None
    log: Literal["natural", "plus-one"] | None = None
    scale: Scaling = None
    encode: Annotated[
        Encode | None,
        BeforeValidator(
            lambda value: spelled_out(value, SHORT_SETTINGS),
            json_schema_input_type=Encode | ShortEncode | None,
        ),
    ] = None

    text: Text | None = None
    image: Image | None = None
    smooth: Smoothing = None
    change: Changing = None

    @model_validator(mode="after")
    def _steps_over_rows(self) -> Column:
        if self.change is not None and self.change.kind == "direction":
            raise ValueError("'direction' has a meaning for a target only")
        if self.smooth is not None or self.change is not None:
            useless = [key for key in ("encode", "text") if getattr(self, key) is not None]
            useless += ["missing"] if self.missing else []
            if useless:
                raise ValueError(f"'{useless[0]}' has no effect beside 'smooth' and 'change'")
        return self

    @model_validator(mode="after")
    def _texts_have_their_own_steps(self) -> Column:
        own = "text" if self.text is not None else "image" if self.image is not None else None
        if own is not None:
            steps = ("derive", "impute", "clip", "log", "scale", "encode")
            useless = [key for key in steps if getattr(self, key) is not None]
            if useless or self.missing:
                raise ValueError(f"'{(useless or ['missing'])[0]}' has no effect beside '{own}'")
            if self.text is not None and self.image is not None:
                raise ValueError("a column is a 'text' or an 'image'")
        return self

    @model_validator(mode="after")
    def _categories_are_not_scaled(self) -> Column:
        if self.encode is not None and self.encode.kind != "ordinal":
            scaled = ENCODINGS[self.encode.kind].scaled
            keys = ("clip", "log") if scaled else ("scale", "clip", "log")
            useless = [key for key in keys if getattr(self, key) is not None]
            if useless:
                raise ValueError(f"'{useless[0]}' has no effect beside '{self.encode.kind}'")
        return self
