"""Rows cut out of running texts: windows with the token that follows, and skip-gram pairs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData, nearest
from throughline.tokens.token_rows import column_of
from throughline.tokens.token_series import Texts, TokenSeries

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source_files import Samples

# Runs of letters with apostrophes and hyphens inside, and single marks that end a clause.
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
NUMBER = "text_number"


def sampled(rows: pd.DataFrame, settings: Samples) -> pd.DataFrame:
    """The rows that section `source.samples` describes.

    Args:
        rows: one text a row, in the column that `settings` names.
        settings: what to cut out.

    Raises:
        BadData: no such column, or no text that is long enough.
    """
    import pandas as pd

    if settings.column not in rows.columns:
        raise BadData(
            "'source.samples.column' names a column of the source",
            settings.column,
            nearest(settings.column, rows.columns),
        )
    # Equal texts have one number, so that a split by it never puts a text into two parts.
    numbers = pd.factorize(rows[settings.column])[0]
    texts = [tokens(str(text), settings) for text in rows[settings.column].fillna("")]
    if settings.kind == "windows":
        separator = "" if settings.of == "characters" else " "
        frame = windows(texts, settings.length or 1, separator, settings.most)
    else:
        pairs = list(skip_grams(texts, settings.window or 1, settings.negatives, settings.seed))
        frame = pd.DataFrame(pairs, columns=["centre", "context", "label", NUMBER])
    if frame.empty:
        raise BadData("'source.samples' must leave rows", f"{len(rows)} texts, none long enough")
    frame[NUMBER] = numbers[frame[NUMBER].to_numpy()].astype(np.int64)
    return frame


def tokens(text: str, settings: Samples) -> list[str]:
    """The tokens of a text in lower case, with the token that ends it."""
    lowered = text.strip().lower()
    found = list(lowered) if settings.of == "characters" else WORD.findall(lowered)
    return [*found, settings.end] if settings.end and found else found


def windows(
    texts: Sequence[Sequence[str]], length: int, separator: str, most: int | None = None
) -> pd.DataFrame:
    """Every run of `length` tokens, the token after it, and the number of the text.

    The runs are not made: their column holds where each ends among the tokens of all texts.

    Args:
        texts: tokens of each.
        length: tokens in a run.
        separator: what stands between two of them.
        most: only runs that one of so many most frequent tokens follows. Default: all.

    Example:
        >>> windows([["imagine", "there's", "no", "heaven"]], 3, " ").iloc[0].map(str).tolist()
        ["imagine there's no", 'heaven', '0']
    """
    import pandas as pd

    series = TokenSeries.of([token for text in texts for token in text], length, separator)
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    counts = np.maximum(sizes - length, 0)
    numbers = np.repeat(np.arange(len(texts)), counts)
    # Of a text's windows the first ends `length` tokens after the text before, and so on.
    firsts = np.repeat(sizes.cumsum() - sizes - (counts.cumsum() - counts), counts)
    ends = np.arange(len(numbers)) + firsts + length - 1
    after = series.codes[ends + 1]
    if most is not None:
        seen = np.bincount(after, minlength=len(series.words))
        known = np.isin(after, np.argsort(-seen, kind="stable")[:most])
        ends, after, numbers = ends[known], after[known], numbers[known]
    context = column_of(Texts(series, ends.astype(np.int32)))
    following = pd.Series(series.words[after], dtype="str")
    return pd.DataFrame({"context": context, "next": following, NUMBER: numbers})


def skip_grams(
    texts: Sequence[Sequence[str]], window: int, negatives: int, seed: int
) -> Iterator[tuple[str, str, int, int]]:
    """Centre, neighbour, 1; then, for each, the centre with random words of the texts and 0.

    The pairs of Mikolov et al. 2013 ("Distributed representations of words and phrases"); words
    are drawn as often as they stand in the texts, to the power 3/4, as there. A drawn word that is
    a neighbour in truth is kept, as there.

    Example:
        >>> list(skip_grams([["no", "heaven", "it's"]], 1, 0, 0))[:2]
        [('no', 'heaven', 1, 0), ('heaven', 'no', 1, 0)]
    """
    counts = Counter(token for text in texts for token in text)
    words = sorted(counts)
    reached = np.cumsum(np.array([counts[word] for word in words], dtype=np.float64) ** 0.75)
    generator = np.random.default_rng(seed)
    for number, text in enumerate(texts):
        for place, centre in enumerate(text):
            around = range(max(0, place - window), min(len(text), place + window + 1))
            for other in around:
                if other == place:
                    continue
                yield centre, text[other], 1, number
                for drawn in generator.random(negatives) * reached[-1]:
                    yield centre, words[int(np.searchsorted(reached, drawn))], 0, number
