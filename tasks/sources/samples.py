"""Rows cut out of running texts: windows with the token that follows, and skip-gram pairs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.errors import BadData, nearest

if TYPE_CHECKING:
    import pandas as pd

    from tasks.config.source_files import Samples

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
        found = list(windows(texts, settings.length or 1))
        columns = ["context", "next", NUMBER]
        if settings.most is not None:
            counts = Counter(row[1] for row in found)
            ranked = sorted(counts, key=lambda token: (-counts[token], token))
            known = set(ranked[: settings.most])
            found = [row for row in found if row[1] in known]
        separator = "" if settings.of == "characters" else " "
        table: list[Any] = [(separator.join(context), after, i) for context, after, i in found]
    else:
        table = list(skip_grams(texts, settings.window or 1, settings.negatives, settings.seed))
        columns = ["centre", "context", "label", NUMBER]
    if not table:
        raise BadData("'source.samples' must leave rows", f"{len(rows)} texts, none long enough")
    frame = pd.DataFrame(table, columns=columns)
    frame[NUMBER] = numbers[frame[NUMBER].to_numpy()].astype(np.int64)
    return frame


def tokens(text: str, settings: Samples) -> list[str]:
    """The tokens of a text in lower case, with the token that ends it."""
    lowered = text.strip().lower()
    found = list(lowered) if settings.of == "characters" else WORD.findall(lowered)
    return [*found, settings.end] if settings.end and found else found


def windows(
    texts: Sequence[Sequence[str]], length: int
) -> Iterator[tuple[Sequence[str], str, int]]:
    """Every run of `length` tokens, the token after it, and the number of the text.

    Example:
        >>> list(windows([["imagine", "there's", "no", "heaven"]], 3))
        [(['imagine', "there's", 'no'], 'heaven', 0)]
    """
    for number, text in enumerate(texts):
        for start in range(len(text) - length):
            yield text[start : start + length], text[start + length], number


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
