"""What the writer of a file meant: names in digits, categories, sums below, other formats."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pytest
import yaml

from throughline.errors import BadData
from throughline.paths import READING_FILE, Workspace, read_json
from throughline.profile.files.footers import said_of_sums
from throughline.profile.names_in_digits import names_in_digits
from throughline.profile.profile import profile
from throughline.serving.rows.reading import read_columns
from throughline.serving.rows.values import converted, settled
from throughline.stages.run import run_stage

GENERATOR = np.random.default_rng(5)
ROWS = 90
SCORE = GENERATOR.normal(size=ROWS).round(2)
PLAIN = {"w": SCORE, "y": np.where(SCORE + GENERATOR.normal(size=ROWS) > 0, "good", "bad")}


@pytest.fixture
def drafted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Callable[[Path], Any]], tuple[str, dict[str, Any]]]:
    """What is told of a file that is written so, and its draft."""
    monkeypatch.setattr("throughline.profile.profile_page.page", lambda *_: "")
    for module in ("wire", "run"):
        monkeypatch.setattr(f"throughline.stages.{module}.refreshed", lambda *_: None)
    shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", tmp_path)

    def draft(name: str, written: Callable[[Path], Any]) -> tuple[str, dict[str, Any]]:
        written(tmp_path / name)
        workspace = Workspace(tmp_path, "mine")
        told = "\n".join(profile(tmp_path / name, "mine", "y", workspace).guesses)
        return told, yaml.safe_load(workspace.pipeline_file.read_text(encoding="utf-8"))

    return draft


def whole(low: int, high: int) -> np.ndarray:
    return GENERATOR.integers(low, high, ROWS)


class TestNumbersThatAreNames:
    """A phone was scaled as a quantity, an article's code broke `prepare`."""

    @pytest.mark.parametrize(
        ("name", "numbers"),
        [
            ("zip", whole(10_115, 99_999)),
            ("phone", whole(10**9, 10**10)),
            ("tel_no", whole(10**6, 10**11)),
            ("mobile number", whole(10**9, 10**10)),
            ("Account No.", whole(10**7, 10**8)),
            ("ssn", whole(10**8, 10**9)),
            ("ean", 4_006_381_333_931 + whole(0, 20)),
            ("ISBN-13", 9_780_000_000_000 + whole(0, 10**9)),
            ("vat_number", whole(10**8, 10**9)),
            ("postal", whole(1_000, 9_999)),
            ("code postal", whole(10_000, 95_000)),
            ("Kundennummer", whole(10_000, 99_999)),
            ("fips", whole(1_001, 56_045)),
            ("customer_id", np.r_[whole(1000, 9000)[1:], 9001]),
        ],
    )
    def test_are_told_by_name_and_digits(self, name: str, numbers: np.ndarray) -> None:
        numbers[0] = numbers[1]
        assert name in names_in_digits(pd.DataFrame({name: numbers}), [name])

    @pytest.mark.parametrize(
        ("name", "numbers"),
        [
            ("vat", whole(0, 2_000)),
            ("phone", whole(0, 9)),
            ("number of rooms", whole(1_000, 9_999)),
            ("account balance", whole(10_000, 99_999)),
            ("order number", whole(1, 40)),
            ("mean", whole(1_000, 9_999)),
            ("mobile", whole(0, 5_000)),
            ("tax", -whole(1_000, 9_999)),
        ],
    )
    def test_are_no_others(self, name: str, numbers: np.ndarray) -> None:
        assert not names_in_digits(pd.DataFrame({name: numbers}), [name])

    @pytest.mark.parametrize("ending", ["csv", "parquet"])
    def test_are_codes_of_a_draft_or_left_out(self, ending: str, drafted: Any) -> None:
        rows = pd.DataFrame({"phone": whole(10**9, 10**10), "ean": 4 * 10**12 + whole(0, 9)})
        rows = rows.assign(**PLAIN)
        written = {"csv": partial(rows.to_csv, index=False), "parquet": rows.to_parquet}[ending]
        told, draft = drafted(f"rows.{ending}", written)
        assert draft["columns"] == {"ean": {"encode": "one-hot"}, "w": {"scale": "standard"}}
        assert "phone is left out" in told
        assert "9 numbers that name things" in told

    def test_are_what_a_parquet_file_was_written_from_as_categories(self, drafted: Any) -> None:
        """Parquet has categories of texts alone: they came back as quantities."""
        level = pd.Categorical([None if i == 7 else i % 4 for i in range(ROWS)])
        rows = pd.DataFrame({"level": level, **PLAIN})
        told, draft = drafted("rows.parquet", rows.to_parquet)
        assert draft["columns"]["level"]["encode"] == "one-hot"
        assert "numbers that its writer had as categories: texts (source.read.text_columns)" in told

    def test_are_classes_to_predict_if_their_writer_had_them_so(self, drafted: Any) -> None:
        rows = pd.DataFrame({"w": SCORE, "y": pd.Categorical(GENERATOR.choice([9, 25, 900], ROWS))})
        assert drafted("rows.parquet", rows.to_parquet)[1]["task"] == "multiclass"


def test_few_moments_of_a_parquet_file_are_times(drafted: Any) -> None:
    """They were categories whose own rule refused every row."""
    moments = pd.to_datetime(["2021-01-01", "2021-02-01", "2021-03-01"] * (ROWS // 3))
    told, draft = drafted("rows.parquet", pd.DataFrame({"at": moments, **PLAIN}).to_parquet)
    assert list(draft["columns"]) == ["w"]
    assert "at is left out: a time" in told


class TestALastRowOfSums:
    def said(self, *last: str, decimal: str = ".") -> str:
        rows = [["ab"[i % 2], f"{i}", f"{i / 4:.2f}".replace(".", decimal)] for i in range(12)]
        frame = pd.DataFrame([*rows, list(last)], columns=["name", "n", "p"])
        return said_of_sums(frame, {"decimal": decimal})

    def test_is_said_without_a_word_for_it(self) -> None:
        told = "ends with a row of the sums of n, p and no name: is it a total?"
        assert self.said("", "66", "16.50") == told
        assert self.said("", "66", "16,5", decimal=",") == told
        # A mean beside a sum.
        assert "sums of n" in self.said("", "66", "1.38")

    @pytest.mark.parametrize(
        "last", [("", "65", "16.0"), ("a", "66", "16.50"), ("", "", ""), ("", "7", "1.50")]
    )
    def test_is_no_row_that_just_lacks_a_name(self, last: tuple[str, str, str]) -> None:
        assert not self.said(*last)

    def test_is_told_with_the_key(self, drafted: Any) -> None:
        rows = pd.DataFrame({"name": ["s", "t"] * (ROWS // 2), "n": whole(1, 9), **PLAIN})
        text = f"{rows.to_csv(index=False)},{rows['n'].sum()},{SCORE.sum():.2f},\n"
        told, draft = drafted("rows.csv", lambda file: file.write_text(text))
        assert "is it a total? (source.read.skip_footer: 1)" in told
        # Whether it is one is the user's to say.
        assert "read" not in draft["source"]


def test_sums_below_a_series_are_told_where_no_draft_can_be_made(drafted: Any) -> None:
    """The refusal spoke of fiscal years."""
    days = pd.date_range("2021-01-04", periods=ROWS).strftime("%Y-%m-%d")
    text = pd.DataFrame({"date": days, "y": SCORE}).to_csv(index=False) + f",{SCORE.sum():.2f}\n"
    with pytest.raises(BadData, match=r"is it a total\? \(source.read.skip_footer: 1\)"):
        drafted("rows.csv", lambda file: file.write_text(text))


def test_two_numbered_shops_are_two_series(drafted: Any) -> None:
    """Their numbers were scaled, and the rows of a day shuffled into a regression."""
    days = pd.date_range("2021-01-04", periods=ROWS // 2).strftime("%Y-%m-%d")
    rows = {"date": [*days, *days], "store_id": np.repeat([10115, 20095], ROWS // 2), "y": SCORE}
    _, draft = drafted("rows.csv", partial(pd.DataFrame(rows).to_csv, index=False))
    assert (draft["task"], draft["time"]["group"]) == ("forecast", "store_id")
    # The next shop has another number.
    between = "expect_column_values_to_be_between"
    ranges = [rule[between]["column"] for rule in draft["expectations"]["rules"] if between in rule]
    assert ranges == ["y"]


@pytest.mark.parametrize("name", ["FEA1", "ORCA", "ARROW1"])
def test_a_table_whose_first_column_is_called_like_a_format_is_one(name: str, drafted: Any) -> None:
    """Such a file was refused as one of another program."""
    frame = pd.DataFrame({name: np.arange(ROWS) % 7 + 0.5, "y": ["a", "b"] * (ROWS // 2)})
    _, draft = drafted("rows.csv", partial(frame.to_csv, index=False))
    assert name in draft["columns"]


def database(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        pd.DataFrame(PLAIN).to_sql("rows", connection)


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("rows.csv", lambda f: feather.write_feather(pa.table(PLAIN), str(f)), "a Feather file"),
        ("rows.parquet", lambda f: feather.write_feather(pa.table(PLAIN), str(f)), "read_feather"),
        ("rows.csv", database, "sqlite:///rows.csv"),
        ("rows.csv", lambda f: f.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99), "Excel"),
    ],
    ids=["feather as csv", "feather as parquet", "sqlite as csv", "xls as csv"],
)
def test_a_file_of_another_program_is_named_whatever_it_is_called(
    name: str, written: Callable[[Path], Any], said: str, drafted: Any
) -> None:
    """It was said to lack an encoding, or to be damaged and to be fetched again."""
    with pytest.raises(BadData, match=said):
        drafted(name, written)


def json_lines(file: Path, **cells: Any) -> None:
    rows = pd.DataFrame({**PLAIN, **cells})
    file.write_text(rows.to_json(orient="records", lines=True), encoding="utf-8")


class TestLinesOfJson:
    @pytest.mark.parametrize("name", ["rows.csv", "rows.txt", "rows.log"])
    def test_are_told_whatever_the_file_is_called(self, name: str, drafted: Any) -> None:
        """They were a table without a header, of columns such as `{"w": 0.1`."""
        told, draft = drafted(name, json_lines)
        assert draft["source"]["read"] == {"format": "jsonl"}
        assert "an object of JSON a line, though its name does not say so" in told

    def test_with_texts_that_look_like_numbers_say_so(self, drafted: Any) -> None:
        """Of CSV it was said, and of JSON and Parquet not."""
        half = [f"{i % 6}.5" for i in range(ROWS)]
        stand_in = ["n/a" if i % 8 == 0 else cell for i, cell in enumerate(half)]
        money = [f"${cell}" for cell in half]
        write = partial(json_lines, plain=half, some=stand_in, price=money)
        told, draft = drafted("rows.jsonl", write)
        assert draft["source"]["read"] == {"types": {"plain": "number"}}
        assert "texts, for 'n/a' are no numbers beside '0.5', '1.5'" in told
        assert "(source.read.types, .missing)" in told

    def test_say_a_far_number_beside_texts_that_are_numbers(self, drafted: Any) -> None:
        """Once a text was read as a number, none was looked for any more."""
        far = np.where(np.arange(ROWS) % 9, SCORE, -999.0)
        write = partial(json_lines, plain=[f"{i % 6}.5" for i in range(ROWS)], far=far)
        assert "columns.far.missing: [-999]" in drafted("rows.jsonl", write)[0]


class TestALineOfWhatIsLeftOut:
    def test_is_kept_where_a_column_is_called_like_a_pattern(self, drafted: Any) -> None:
        """A column `x*` hid that `xcopy` and `xid` were left out."""
        rows = pd.DataFrame({"x*": SCORE, "xcopy": PLAIN["y"], "xid": range(ROWS), **PLAIN})
        told, draft = drafted("rows.csv", partial(rows.to_csv, index=False))
        assert list(draft["columns"]) == ["x*", "w"]
        assert "xcopy is left out" in told and "xid is left out" in told


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (["Köln", "köln", "Bonn"], "'Köln', 'köln' are levels of their own: is that meant?"),
        (["<=50K", "<=50K.", ">50K"], "'<=50K', '<=50K.' are levels"),
        (["A+", "A-", "A"], ""),
        (["New York", "Newark", "York"], ""),
    ],
)
def test_levels_that_differ_in_spelling_are_said(
    levels: list[str], said: str, drafted: Any
) -> None:
    rows = pd.DataFrame({"town": levels * (ROWS // 3), **PLAIN})
    told, _ = drafted("rows.csv", partial(rows.to_csv, index=False))
    assert (said in told) if said else "levels of their own" not in told


class TestEmptyTextsOfAFileWithTypes:
    """A draft with them in a category did not run; in a target they were a class of their own."""

    @pytest.mark.parametrize("ending", ["jsonl", "parquet"])
    def test_are_missing(self, ending: str, drafted: Any) -> None:
        rows = pd.DataFrame({**PLAIN, "k": [("", "NA", "b")[i % 3] for i in range(ROWS)]})
        rows.loc[5:9, "y"] = ""
        rows["text"] = ["", *(f"so many words {i} in a row" for i in range(ROWS - 1))]
        write = {"jsonl": partial(json_lines, **rows), "parquet": rows.to_parquet}[ending]
        told, draft = drafted(f"rows.{ending}", write)
        assert draft["task"] == "binary"
        assert draft["source"]["read"]["missing"] == {"y": [""], "k": [""]}
        # `NA` is what it was; a sentence may be empty.
        assert draft["columns"]["k"] == {"impute": {"constant": "missing"}, "encode": "one-hot"}
        assert "empty texts (30) read as missing (source.read.missing)" in told

    def test_are_prepared_and_served_alike(self, drafted: Any, tmp_path: Path) -> None:
        rows = pd.DataFrame({**PLAIN, "k": [("", "NA", "b")[i % 3] for i in range(ROWS)]})
        drafted("rows.parquet", rows.to_parquet)
        for stage in ("ingest", "validate", "prepare"):
            run_stage(stage, "mine", tmp_path)
        workspace = Workspace(tmp_path, "mine")
        reading = read_json(workspace.raw / READING_FILE)
        (entry,) = [
            each
            for each in read_json(workspace.training_data / "main" / "prepared.json")["inputs"]
            if each["name"] == "k"
        ]
        served = read_columns(tmp_path / "rows.parquet", reading, ["k"])["k"]
        kept = pd.read_parquet(workspace.raw / "rows.parquet")["k"].tolist()
        assert kept[1:3] == ["NA", "b"] and kept[0] != kept[0]
        read = converted("k", entry, served, settled(reading, "k"))
        assert read.tolist() == converted("k", entry, kept, settled({}, "k")).tolist()
