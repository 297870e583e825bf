"""How each column of a draft is treated, and which are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from throughline.errors import listed
from throughline.preprocessing.target import folded
from throughline.profile.facts import Fact

if TYPE_CHECKING:
    import pandas as pd

FEWEST_IN_PATTERN = 16
LARGE_SKEWNESS = 2.0
# Texts of fewer words are names or titles.
FEWEST_WORDS = 5
# A column that has fewer values than this share of the rows is constant in some fold.
FEWEST_PRESENT = 0.05
MOST_TOKENS = 3000
# Levels of fewer rows on average are names, of which new rows bring others.
FEWEST_ROWS_A_LEVEL = 2
REASONS = {
    "identifier": "another value in nearly every row",
    "labels": "too many values for categories, most of them once",
    "time": "a time, which a row says nothing by alone",
    "constant": "always the same value",
    "empty": "no value at all",
    "other": "arrays or bytes",
}


def treated(features: Sequence[Fact], notes: list[str]) -> dict[str, dict[str, Any] | None]:
    """The steps of each column that can be a feature; a note for each that cannot."""
    columns: dict[str, dict[str, Any] | None] = {}
    for fact in features:
        held = fact.rows - fact.missing
        if 0 < held < FEWEST_PRESENT * fact.rows:
            notes.append(f"{fact.name} is left out: only {held} of {fact.rows} values are there")
        elif fact.role == "labels" and held >= FEWEST_ROWS_A_LEVEL * fact.distinct:
            # Of 25 made tables of 60 to 5,000 levels with 2 to 60 rows each the log loss of folds
            # was lower than with a feature a level in 24; accuracy .877 for .792 where 1,904
            # levels of three rows hold the signal.
            columns[fact.name] = {"encode": "target", "scale": "standard"}
        elif fact.role == "constant" and fact.missing >= FEWEST_PRESENT * fact.rows:
            if fact.counts:
                # `x` where it holds, and nothing elsewhere.
                columns[fact.name] = {"impute": {"constant": "missing"}, "encode": "one-hot"}
            else:
                one = f"one value or none, {held} of {fact.rows} are there"
                notes.append(f"{fact.name} is left out: {one}")
        elif fact.role in REASONS:
            notes.append(f"{fact.name} is left out: {REASONS[fact.role]}")
        elif fact.role == "number" and fact.is_still:
            notes.append(
                f"{fact.name} is left out: all but {fact.others} of {fact.rows} values are the same"
            )
        elif fact.role == "text" and fact.spaceless:
            # Pairs of letters are what comes closest to words.
            vocabulary = {"size": MOST_TOKENS, "minimum_count": 2}
            letters = {"tokens": "characters", "ngrams": [1, 2]}
            columns[fact.name] = {"text": letters | {"vocabulary": vocabulary, "encode": "tf-idf"}}
        elif fact.role == "text" and fact.mean < FEWEST_WORDS:
            notes.append(f"{fact.name} is left out: names or titles, nearly all different")
        elif fact.role == "text":
            vocabulary = {"size": MOST_TOKENS, "minimum_count": 2}
            columns[fact.name] = {"text": {"vocabulary": vocabulary, "encode": "tf-idf"}}
        elif fact.role == "number":
            impute = {"impute": "median"} if fact.missing else {}
            skewed = fact.low >= 0 and fact.skewness > LARGE_SKEWNESS
            log = {"log": "plus-one"} if skewed else {}
            columns[fact.name] = {**impute, **log, "scale": "standard"}
        elif fact.role in ("flag", "boolean"):
            columns[fact.name] = {"impute": "most-frequent"} if fact.missing else None
        else:
            filled = {"impute": {"constant": "missing"}} if fact.missing else {}
            columns[fact.name] = {**filled, "encode": "one-hot"}
    return columns


def alike_levels(facts: Sequence[Fact]) -> list[tuple[str, str, str]]:
    """For each category whose levels differ in spelling only what is said, and where to mend it."""
    readings = []
    for fact in facts:
        same: dict[str, list[str]] = {}
        for level in fact.counts if fact.role == "category" else ():
            same.setdefault(str(folded(level)).rstrip(" .,;:"), []).append(level)
        if several := next((levels for levels in same.values() if len(levels) > 1), None):
            said = f"{listed(map(repr, several))} are levels of their own: is that meant?"
            readings.append((fact.name, said, "the file itself"))
    return readings


def leaks(
    frame: pd.DataFrame, columns: dict[str, Any], target: str, task: str
) -> list[tuple[str, str]]:
    """Columns that the guards would refuse as the target in disguise."""
    import numpy as np

    from throughline.guards.examine import examine
    from throughline.pipeline.schema.protocol import Guards, Split
    from throughline.pipeline.schema.targets import Target

    off = dict.fromkeys(set(Guards.model_fields) - {"target_in_disguise", "grouped_by"}, "off")
    split = Split(guards=Guards.model_validate(off))
    parts = np.full(len(frame), "training")
    found = examine(frame, parts, list(columns), Target(columns=[target]), task, split)
    return [
        (name, finding.message)
        for finding in found
        if not finding.passed and finding.verdict == "stop"
        for name in finding.columns
    ]


def with_patterns(
    columns: dict[str, dict[str, Any] | None], features: Sequence[Fact]
) -> dict[str, dict[str, Any] | None]:
    """Many columns called alike, as pixel_0 ... pixel_63, become one pattern with one scale."""
    families: dict[str, list[Fact]] = {}
    for fact in features:
        prefix = re.sub(r"\d+$", "", fact.name)
        if prefix != fact.name and fact.role in ("number", "flag", "constant") and not fact.missing:
            families.setdefault(prefix, []).append(fact)
    result = dict(columns)
    for prefix, members in families.items():
        like = [name for name in columns if name.startswith(prefix)]
        if len(members) < FEWEST_IN_PATTERN or min(fact.low for fact in members) < 0:
            continue
        # A pattern takes whatever is called so: what was left out must not come back by it, but for
        # what hardly changes, which one scale for all does no harm.
        meant = {fact.name for fact in members if fact.is_still} | {*like}
        called = {fact.name for fact in features if fact.name.startswith(prefix)}
        if not prefix or meant != called or called != {fact.name for fact in members}:
            continue
        for name in like:
            del result[name]
        high = max(fact.high for fact in members)
        result[f"{prefix}*"] = {"scale": {"constant": {"divide": high or 1.0}}}
    return result
