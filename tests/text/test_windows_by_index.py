"""Columns of windows of tokens: the same texts as a column of strings, held as positions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.evaluation.raw_rows import read_rows as read_for_models
from throughline.guards.examine import examine
from throughline.guards.finding import value_hashes
from throughline.pipeline.schema.protocol import Split
from throughline.pipeline.schema.source_files import Samples
from throughline.pipeline.schema.targets import Target
from throughline.preprocessing.pictures import read_rows, write_rows
from throughline.preprocessing.raw import raw_values
from throughline.sources.samples import sampled, tokens
from throughline.sources.table import write_rows as write_raw
from throughline.tokens.token_rows import as_texts, column_of, is_windows, named_texts
from throughline.tokens.token_series import Texts, TokenSeries, windows_beside

TEXTS = st.lists(st.text("ab c", max_size=12), min_size=1, max_size=6)


def naive(texts: list[str], samples: Samples) -> list[tuple[str, str, int]]:
    """Windows, what follows and the number of the text, by a double loop over lists."""
    length, separator = samples.length or 1, "" if samples.of == "characters" else " "
    found = []
    for text in texts:
        held = tokens(text, samples)
        for start in range(len(held) - length):
            window = separator.join(held[start : start + length])
            found.append((window, held[start + length], list(dict.fromkeys(texts)).index(text)))
    if samples.most is None:
        return found
    counts = Counter(after for _, after, _ in found)
    known = sorted(counts, key=lambda token: (-counts[token], token))[: samples.most]
    return [row for row in found if row[1] in known]


def column(words: str, length: int, separator: str = " ") -> pd.Series:
    """All windows of a text whose words are single letters."""
    series = TokenSeries.of(list(words), length, separator)
    return column_of(Texts(series, np.arange(length - 1, len(words), dtype=np.int32)))


class TestIngestedWindows:
    @settings(max_examples=200, deadline=None)
    @given(
        texts=TEXTS,
        length=st.integers(1, 4),
        of=st.sampled_from(["words", "characters"]),
        end=st.sampled_from(["", ".", "<end>"]),
        most=st.none() | st.integers(2, 4),
    )
    def test_equal_a_double_loop(
        self, texts: list[str], length: int, of: str, end: str, most: int | None
    ) -> None:
        samples = Samples(kind="windows", length=length, of=of, end=end, most=most)
        expected = naive(texts, samples)
        if not expected:
            return
        found = sampled(pd.DataFrame({"text": texts}), samples)
        assert is_windows(found["context"])
        assert list(as_texts(found).itertuples(index=False, name=None)) == expected


class TestTheColumn:
    @settings(max_examples=200, deadline=None)
    @given(words=st.text("ab", min_size=3, max_size=30), length=st.integers(1, 3), data=st.data())
    def test_is_like_one_of_strings(self, words: str, length: int, data: st.DataObject) -> None:
        whole = column(words, length)
        held, plain = whole, whole.map(str).astype(object)
        for _ in range(data.draw(st.integers(1, 5))):
            held, plain = changed(held, plain, (whole, whole.map(str).astype(object)), data)
        assert held.map(str).tolist() == plain.tolist()
        assert held.nunique() == plain.nunique()
        assert pd.factorize(held)[0].tolist() == pd.factorize(plain)[0].tolist()
        assert held.duplicated().tolist() == plain.duplicated().tolist()
        assert held.sort_values().map(str).tolist() == plain.sort_values().tolist()
        assert not held.isna().any()
        if len(held):
            assert is_windows(held)
            assert raw_values(held.to_frame("c"), "c", "string").tolist() == plain.tolist()
            same, other = (value_hashes(each.to_frame("c")) for each in (held, plain))
            assert pd.factorize(same)[0].tolist() == pd.factorize(other)[0].tolist()
            texts = as_texts(held.to_frame("c"))["c"]
            pd.testing.assert_series_equal(texts, plain.astype("str"), check_names=False)

    def test_windows_of_other_tokens_that_read_the_same_are_equal(self) -> None:
        series = TokenSeries.of(["ab", "c", "a", "bc"], 2, "")
        windows = column_of(Texts(series, np.array([1, 3], np.int32)))
        assert windows.map(str).tolist() == ["abc", "abc"]
        assert windows.nunique() == 1

    def test_guards_see_equal_windows_of_both_parts(self) -> None:
        rows = pd.DataFrame({"c": column("abcdeabc", 3), "label": [0, 1] * 3})
        parts = np.array(["training"] * 3 + ["test"] * 3, dtype=object)
        found = examine(rows, parts, ["c"], Target(columns=["label"]), "binary", Split())
        duplicated = next(each for each in found if each.guard == "duplicates")
        assert duplicated.rows == (5,)


def changed(
    held: pd.Series, plain: pd.Series, whole: tuple[pd.Series, pd.Series], data: Any
) -> tuple[pd.Series, pd.Series]:
    """One operation on both columns."""
    count = len(plain)
    kind = data.draw(st.sampled_from(["slice", "mask", "take", "concat", "drop"]))
    if kind == "slice":
        first, step = data.draw(st.integers(0, count)), data.draw(st.integers(1, 3))
        return held.iloc[first::step], plain.iloc[first::step]
    if kind == "mask":
        chosen = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
        mask = np.array(chosen, dtype=bool)
        return held[mask].reset_index(drop=True), plain[mask].reset_index(drop=True)
    if kind == "take" and count:
        rows = data.draw(st.lists(st.integers(0, count - 1), max_size=8))
        return held.take(rows), plain.take(rows)
    if kind == "drop" and count:
        return held.iloc[1:], plain.iloc[1:]
    one, other = whole
    return pd.concat([held, one], ignore_index=True), pd.concat([plain, other], ignore_index=True)


class TestTheFiles:
    def rows(self) -> pd.DataFrame:
        frame = pd.DataFrame({"text": ["the cat sat on the mat", "a dog ran to a cat"]})
        return sampled(frame, Samples(kind="windows", length=2))

    @pytest.mark.parametrize("write", [write_raw, write_rows])
    def test_give_the_rows_back(self, tmp_path: Path, write: Any) -> None:
        rows = self.rows().iloc[[6, 0, 5]].reset_index(drop=True)
        write(rows, tmp_path / "rows.parquet")
        found = read_rows(tmp_path / "rows.parquet")
        assert is_windows(found["context"])
        assert as_texts(found).equals(as_texts(rows))
        columns = read_for_models(tmp_path / "rows.parquet").columns
        texts = rows["context"].map(str).tolist()
        assert list(columns["context"]) == texts
        assert columns["context"][1] == texts[1]
        assert np.asarray(columns["context"][:2]).tolist() == texts[:2]

    def test_hold_nothing_of_other_rows(self, tmp_path: Path) -> None:
        for number, folder in enumerate(("one", "other")):
            (tmp_path / folder).mkdir()
            texts = ["the cat sat on the mat", ["a dog ran to a cat", "no hat"][number]]
            frame = sampled(pd.DataFrame({"text": texts}), Samples(kind="windows", length=2))
            write_rows(frame[frame["text_number"] == 0], tmp_path / folder / "rows.parquet")
        for file in ("context.npy", "context.json"):
            one, other = (
                windows_beside(tmp_path / folder / "rows.parquet") / file
                for folder in ("one", "other")
            )
            assert one.read_bytes() == other.read_bytes()
            assert b"dog" not in one.read_bytes()

    def test_strings_are_made_for_rules_that_name_the_column(self) -> None:
        rows = self.rows()
        rule = {"expect_column_value_lengths_to_be_between": {"column": "context"}}
        other = {"expect_column_values_to_not_be_null": {"column": "next"}}
        assert named_texts(rows, [rule])["context"].dtype == "str"
        assert is_windows(named_texts(rows, [other])["context"])
