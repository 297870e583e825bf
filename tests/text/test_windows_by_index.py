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

from throughline.evaluation.rows import read_rows as read_for_models
from throughline.pipeline.schema.source_files import Samples
from throughline.preprocessing.pictures import read_rows, write_rows
from throughline.sources.samples import sampled, tokens
from throughline.sources.table import write_rows as write_raw
from throughline.tokens.column import WindowArray
from throughline.tokens.rows import as_texts, is_windows, named_texts
from throughline.tokens.series import TokenSeries, windows_beside

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
    return pd.Series(WindowArray(series, np.arange(length - 1, len(words), dtype=np.int32)))


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
        assert list(found.itertuples(index=False, name=None)) == expected

    def test_hold_a_position_a_row(self) -> None:
        text = " ".join(f"w{number % 997}".translate(str.maketrans("0123456789", "abcdefghij"))
                        for number in range(20_000))  # fmt: skip
        found = sampled(pd.DataFrame({"text": [text]}), Samples(kind="windows", length=60))
        assert found["context"].memory_usage(index=False) == 4 * len(found)


class TestTheColumn:
    @settings(max_examples=200, deadline=None)
    @given(words=st.text("ab", min_size=3, max_size=30), length=st.integers(1, 3), data=st.data())
    def test_is_like_one_of_strings(self, words: str, length: int, data: st.DataObject) -> None:
        here, other = column(words, length), column(words[::-1], length)
        pairs = [(here, here.astype(object)), (other, other.astype(object))]
        held, plain = pairs[0]
        for _ in range(data.draw(st.integers(1, 5))):
            held, plain = changed(held, plain, pairs, data)
        assert is_windows(held)
        assert held.tolist() == plain.tolist()
        assert held.nunique() == plain.nunique()
        assert pd.factorize(held)[0].tolist() == pd.factorize(plain)[0].tolist()
        assert held.duplicated().tolist() == plain.duplicated().tolist()
        assert (held == "a").tolist() == (plain == "a").tolist()
        assert not held.isna().any()
        np.testing.assert_array_equal(
            pd.util.hash_pandas_object(held, index=False),
            pd.util.hash_pandas_object(plain, index=False),
        )
        pd.testing.assert_series_equal(held.astype("str"), plain.astype("str"))

    def test_knows_missing_rows(self) -> None:
        found = column("abc", 2).reindex([1, 7])
        assert found.isna().tolist() == [False, True]
        assert found.astype("str").isna().tolist() == [False, True]

    def test_maps_a_text_at_a_time(self) -> None:
        assert column("abca", 2).map(len).tolist() == [3, 3, 3]

    def test_windows_of_other_tokens_that_read_the_same_are_equal(self) -> None:
        series = TokenSeries.of(["ab", "c", "a", "bc"], 2, "")
        windows = pd.Series(WindowArray(series, np.array([1, 3], np.int32)))
        assert windows.tolist() == ["abc", "abc"]
        assert windows.nunique() == 1

    def test_of_another_length_is_another_column(self) -> None:
        with pytest.raises(TypeError, match="one length"):
            pd.concat([column("abc", 1), column("abc", 2)])

    def test_is_not_made_of_strings(self) -> None:
        with pytest.raises(TypeError, match="cut out of texts"):
            pd.Series(["a b"]).astype(column("abc", 2).dtype)


def changed(
    held: pd.Series, plain: pd.Series, pairs: list[tuple[pd.Series, pd.Series]], data: Any
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
    one, other = data.draw(st.sampled_from(pairs))
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
        assert list(columns["context"]) == rows["context"].tolist()
        assert columns["context"][1] == rows["context"][1]
        assert np.asarray(columns["context"][:2]).tolist() == rows["context"].tolist()[:2]

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
