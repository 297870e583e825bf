"""What is in each column of a table, and what that makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from throughline.guards.finding import is_number, is_plain
from throughline.guards.identifiers import MOST_WORDS
from throughline.profile.moments import written_in_numbers

if TYPE_CHECKING:
    import pandas as pd

MOST_CATEGORIES = 50
FEWEST_TIMES = 10
# With fewer different values than this share of the rows, a column does not tell rows apart.
FEWEST_IDENTIFYING = 0.9
ROWS_TO_LOOK_AT = 500
# Letters of scripts that put no space between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese.
SPACELESS = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"
# Most emoji: symbols and pictographs, the older ones and those of 2010 and later.
EMOJI = r"[\u2600-\u27bf\U0001f300-\U0001faff]"
# Two of them are about a word.
LETTERS_A_WORD = 2
# Beyond the quartiles by this many interquartile ranges lies an outlier (Tukey, 1977).
FENCE = 1.5
FEWEST_OTHERS = 5


@dataclass(frozen=True)
class Fact:
    """One column.

    Attributes:
        name: the column.
        role: number, flag (0 and 1), boolean, category, labels (too many categories), text, time,
            identifier, constant, empty or other (arrays, bytes).
        rows: how many values there are, missing ones included.
        missing: how many are missing.
        distinct: how many different ones are present.
        low, high, mean: of a number, or of the number of words of a text; its mean is that of the
            emoji where these are more, since no space parts them.
        sd, median, skewness: of a number.
        quartiles: the first and the third of a number.
        outliers: how many lie beyond the quartiles by 1.5 interquartile ranges.
        counts: the values of a category, the most frequent first.
        spaceless: a text without spaces between its words.
        commonest: how often a number has its most frequent value.
        when: how whole numbers say when, as `%Y%m%d` or `epoch-ms`; empty where they do not.
    """

    name: str
    role: str
    rows: int
    missing: int
    distinct: int
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    sd: float = 0.0
    median: float = 0.0
    skewness: float = 0.0
    quartiles: tuple[float, float] = (0.0, 0.0)
    outliers: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    spaceless: bool = False
    commonest: int = 0
    when: str = ""

    @property
    def others(self) -> int:
        """How many rows of a number hold another value than its most frequent one."""
        return self.rows - self.missing - self.commonest

    @property
    def is_still(self) -> bool:
        """Whether so few numbers differ from the rest that they are all the same in some fold."""
        return self.role == "constant" or (self.role == "number" and self.others < FEWEST_OTHERS)

    @property
    def is_numeric(self) -> bool:
        """Whether it holds numbers."""
        return self.role in ("number", "flag")


def facts(frame: pd.DataFrame) -> list[Fact]:
    """One fact a column, in the table's order."""
    return [fact(str(name), frame[name]) for name in frame.columns]


def fact(name: str, column: pd.Series) -> Fact:
    """What a column holds."""
    import numpy as np
    import pandas as pd

    if not is_plain(column):
        return Fact(name, "other", len(column), int(column.isna().sum()), 0)
    present = column.dropna()
    missing, distinct = len(column) - len(present), int(present.nunique())
    if present.empty:
        return Fact(name, "empty", len(column), missing, 0)
    if is_number(column):
        values = present.to_numpy(dtype=float)
        values = values[np.isfinite(values)]
        if not len(values):
            return Fact(name, "empty", len(column), missing, 0)
        low, first, median, third, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
        reach = FENCE * (third - first)
        sd = float(values.std())
        skewness = float(((values - values.mean()) ** 3).mean() / sd**3) if sd > 0 else 0.0
        when = written_in_numbers(name, present) if distinct >= FEWEST_TIMES else ""
        role = "time" if when else _number_role(name, present)
        return Fact(
            name, role, len(column), missing, distinct, when=when,
            low=float(low), high=float(high), mean=float(values.mean()), sd=sd,
            median=float(median), skewness=skewness, quartiles=(float(first), float(third)),
            outliers=int(((values < first - reach) | (values > third + reach)).sum()),
            commonest=int(present.value_counts().iloc[0]),
        )  # fmt: skip
    counts = present.astype(str).value_counts()
    kept = {str(value): int(count) for value, count in counts.head(MOST_CATEGORIES).items()}
    role = "boolean" if pd.api.types.is_bool_dtype(present.dtype) else _text_role(present)
    if role == "text":
        words = present.map(lambda value: len(str(value).split()))
        low, high = float(words.min()), float(words.max())
        mean = max(float(words.mean()), float(present.astype(str).str.count(EMOJI).mean()))
        return Fact(
            name, role, len(column), missing, distinct, low=low, high=high, mean=mean, counts=kept,
            spaceless=_spaceless(present),
        )  # fmt: skip
    return Fact(name, role, len(column), missing, distinct, counts=kept)


def _number_role(name: str, present: pd.Series) -> str:
    from throughline.guards.identifiers import identifying

    if present.nunique() == 1:
        return "constant"
    if set(present.unique()) == {0, 1}:
        return "flag"
    return "identifier" if len(present) > 20 and identifying(name, present) else "number"


def _text_role(present: pd.Series) -> str:
    distinct = present.nunique()
    if distinct == 1:
        return "constant"
    if _holds_times(present) or (distinct >= FEWEST_TIMES and _is_time(present)):
        return "time"
    if distinct <= MOST_CATEGORIES and distinct <= len(present) / 2:
        return "category"
    words = present.astype(str).iloc[:ROWS_TO_LOOK_AT].str.split().map(len).mean()
    if words > MOST_WORDS or _spaceless(present) or _of_emoji(present):
        return "text"
    return "identifier" if distinct > FEWEST_IDENTIFYING * len(present) else "labels"


def _of_emoji(present: pd.Series) -> bool:
    """Whether texts are rows of emoji, each of which is a word."""
    texts = present.astype(str).iloc[:ROWS_TO_LOOK_AT]
    emoji = texts.str.count(EMOJI)
    return bool(emoji.mean() >= LETTERS_A_WORD and emoji.sum() > texts.str.len().sum() / 4)


def _spaceless(present: pd.Series) -> bool:
    """Whether texts hold more words than spaces tell."""
    texts = present.astype(str).iloc[:ROWS_TO_LOOK_AT]
    letters = texts.str.count(SPACELESS)
    long = letters.mean() > LETTERS_A_WORD * MOST_WORDS
    return bool(long and letters.sum() > texts.str.len().sum() / 2)


def _holds_times(present: pd.Series) -> bool:
    """Whether a column is one of times by its type; however few they are."""
    import pandas as pd

    return bool(pd.api.types.is_datetime64_any_dtype(present.dtype))


def _is_time(present: pd.Series) -> bool:
    """Whether all texts are times that one format reads."""
    from throughline.samples.times import found_format

    return found_format(present) is not None
