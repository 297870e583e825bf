"""Numbers that stand for an image, a sequence or a text, so that rules can be stated about them.

A rule may name `COLUMN.length`, `COLUMN.words`, `COLUMN.min`, `COLUMN.max`, `COLUMN.mean`,
`COLUMN.width`, `COLUMN.height` or `COLUMN.channels` where the rows have no column of that name;
of a series `COLUMN.step`, which is what a number grew, or the seconds that passed, since the row
before, and `COLUMN.run`, which counts the rows in a row that held the same value up to this one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from throughline.validation.expectations import columns_of

PROFILES = ("length", "words", "min", "max", "mean", "width", "height", "channels", "step", "run")

if TYPE_CHECKING:
    import pandas as pd


def _image(value: bytes) -> tuple[int, int, int]:
    """Width, height and channels of an encoded image; zeros where it cannot be decoded."""
    from throughline.serving.rows.media.image_files import UNSOUND, opened_picture

    try:
        with opened_picture(value) as image:
            return image.width, image.height, len(image.getbands())
    except UNSOUND:
        return 0, 0, 0


def _of_arrays(column: pd.Series, reduce: Callable[..., Any]) -> pd.Series:
    """A number for each array; all at once where they have one length, as images of a set do."""
    import numpy as np
    import pandas as pd

    present = column.dropna()
    if len({len(value) for value in present}) == 1:
        found = reduce(np.stack(list(present)), axis=1)
    else:
        found = [reduce(value) if len(value) else np.nan for value in present]
    return pd.Series(found, index=present.index, dtype="float64").reindex(column.index)


def _steps(column: pd.Series) -> pd.Series:
    """The difference to the row before, in seconds for times; NaN where either is missing."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype("float64").diff()
    times = pd.to_datetime(column, errors="coerce", format="mixed")
    seconds: pd.Series = times.diff().dt.total_seconds()
    return seconds


def _runs(column: pd.Series) -> pd.Series:
    """How long each value has stood, itself included; missing values are no run."""
    same = column.eq(column.shift())
    counted: pd.Series = same.groupby((~same).cumsum()).cumcount() + 1
    return counted.where(column.notna()).astype("float64")


def _profile(column: pd.Series, profile: str) -> pd.Series:
    """One number for each value of a column."""
    import numpy as np

    if profile == "step":
        return _steps(column)
    if profile == "run":
        return _runs(column)
    if profile in ("min", "max", "mean"):
        return _of_arrays(column, getattr(np, profile))
    if profile in ("width", "height", "channels"):
        position = ("width", "height", "channels").index(profile)
        return column.map(lambda value: _image(value)[position], na_action="ignore")
    measure = len if profile == "length" else lambda value: len(value.split())
    return column.map(measure, na_action="ignore")


def measured(column: str, header: Collection[str]) -> str:
    """The column that a rule is about: of `COLUMN.words`, and of its like, `COLUMN`.

    Example:
        >>> measured("review.words", ["review"]), measured("a.words", ["a.words"])
        ('review', 'a.words')
    """
    base, _, profile = column.rpartition(".")
    return base if column not in header and base in header and profile in PROFILES else column


def with_profiles(
    frame: pd.DataFrame, rules: Iterable[Mapping[str, Mapping[str, Any] | None]]
) -> pd.DataFrame:
    """`frame` with the profile columns that the rules name; `frame` itself where they name none."""
    named = {
        column
        for rule in rules
        for name, arguments in rule.items()
        for column in columns_of(name, arguments or {})
        if column not in frame.columns
    }
    added = {}
    for column in sorted(named):
        base = measured(column, frame.columns)
        if base != column:
            added[column] = _profile(frame[base], column.removeprefix(f"{base}."))
    return frame.assign(**added) if added else frame
