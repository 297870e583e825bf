"""Whole numbers that say when, and those that are names; columns that a pattern may take."""

from __future__ import annotations

import io
import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from throughline.paths import Workspace
from throughline.pipeline.schema.source import Read
from throughline.profile.columns import treated, with_patterns
from throughline.profile.facts import fact, facts
from throughline.profile.files.numbers_in_texts import numbers_in_texts
from throughline.profile.names_in_digits import names_in_digits
from throughline.profile.profile import profile
from throughline.profile.rules import wider
from throughline.sources.formats.reading import read_bytes
from throughline.sources.table import standardised

DAYS = pd.Series(pd.date_range("2022-01-03", periods=60, freq="41h"))
SINCE = (DAYS - pd.Timestamp(0)) // pd.Timedelta(1, "s")
MANY = 2**60
KINDS = np.random.default_rng(0).choice(["good", "bad"], 60)


class TestRanges:
    @given(
        st.floats(-1e12, 1e12).map(lambda low: round(low, 2)),
        st.floats(0, 1e9).map(lambda width: round(width, 2)),
    )
    def test_hold_of_the_numbers_that_they_are_drawn_from(self, low: float, width: float) -> None:
        """Numbers of ten digits that lie close to each other too, such as 2021010100."""
        high = low + width
        bounds = wider(low, high)
        assert bounds["min_value"] <= low <= high <= bounds["max_value"]
        assert bounds["max_value"] - bounds["min_value"] <= 4 * width + 1e-5 * abs(low)


class TestTimes:
    @pytest.mark.parametrize(
        ("name", "numbers", "form"),
        [
            ("x", DAYS.dt.strftime("%Y%m%d").astype(int), "%Y%m%d"),
            ("x", pd.date_range("2001-01-01", periods=60, freq="MS").strftime("%Y%m").astype(int),
             "%Y%m"),
            ("x", SINCE, "epoch"),
            ("x", SINCE * 10**3, "epoch-ms"),
            ("created_at", SINCE * 10**3 + 17, "epoch-ms"),
            ("timestamp", SINCE * 10**6 + 1, "epoch-us"),
            ("x", SINCE * 10**9, "epoch-ns"),
        ],
    )  # fmt: skip
    def test_are_told(self, name: str, numbers: Any, form: str) -> None:
        found = fact(name, pd.Series(numbers))
        assert (found.role, found.when) == ("time", form)
        shuffled = pd.Series(numbers).sample(frac=1, random_state=0)
        assert fact(name, shuffled).when == form

    @pytest.mark.parametrize(
        ("name", "numbers"),
        [
            ("customer", SINCE + 17),
            ("phone", 2_000_000_000 + 7_654_321 * np.arange(60)),
            ("postcode", 190_001 + 97 * np.arange(60)),
            ("amount", 20_220_100 + np.arange(60)),
            ("year", 1960 + np.arange(60) % 50),
        ],
    )
    def test_are_no_other_numbers(self, name: str, numbers: Any) -> None:
        assert fact(name, pd.Series(numbers)).when == ""


def stored(column: pa.Array) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table({"x": column, "y": list(KINDS)}), file)
    return file.getvalue()


def taken(content: bytes, name: str) -> list[Any]:
    frame, _ = read_bytes(content, name, Read())
    return list(standardised(frame, {}, (), name)["x"])


class TestNames:
    @pytest.mark.parametrize(
        "column",
        [
            pa.array([2**63 + i for i in range(60)], pa.uint64()),
            pa.array([Decimal(10**25 + i) for i in range(60)], pa.decimal128(38, 0)),
            pa.array([None, *(MANY + i for i in range(59))], pa.int64()),
        ],
    )
    def test_keep_their_digits(self, column: pa.Array) -> None:
        """Those beyond 2^63 became negative numbers, and neighbours one number."""
        wanted = [value if value is None else str(value) for value in column.to_pylist()]
        found = taken(stored(column), "rows.parquet")
        assert [None if value != value else value for value in found] == wanted

    def test_of_json_too(self) -> None:
        lines = "\n".join(f'{{"x": {10**20 + i}, "y": 1}}' for i in range(3))
        assert taken(lines.encode(), "rows.jsonl") == [str(10**20 + i) for i in range(3)]

    def test_numbers_that_lose_nothing_stay_numbers(self) -> None:
        assert taken(stored(pa.array([None, *range(59)], pa.int64())), "a.parquet")[1:3] == [0, 1]
        money = pa.array([Decimal("1.25")] * 60, pa.decimal128(12, 2))
        assert taken(stored(money), "rows.parquet")[0] == 1.25

    @pytest.mark.parametrize(
        ("name", "numbers", "names"),
        [
            ("customer_id", 1000 + np.arange(60) % 20, True),
            ("CustomerID", np.where(np.arange(60) % 9, 17850.0 + np.arange(60) % 20, np.nan), True),
            ("zip", 10_115 + np.arange(60) % 20, True),
            ("patient_nbr", np.arange(60) % 30, True),
            ("citric acid", np.arange(60) % 20, False),
            ("paid", np.arange(60) % 20, False),
            ("customer_id", np.arange(60), False),
            ("test_id", np.arange(60) % 2, False),
            ("grid", np.arange(60) % 20 + 0.5, False),
        ],
    )
    def test_are_told_by_those_of_their_columns(
        self, name: str, numbers: np.ndarray, names: bool
    ) -> None:
        assert (name in names_in_digits(pd.DataFrame({name: numbers}), [name])) == names

    @pytest.mark.parametrize("ending", ["csv", "parquet"])
    def test_are_texts_of_a_draft(
        self, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Scaled as numbers they all were one value, or broke the draft's own rule."""
        monkeypatch.setattr("throughline.profile.profile_page.page", lambda *_: "")
        monkeypatch.setattr("throughline.stages.wire.refreshed", lambda *_: None)
        shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", tmp_path)
        rows = pd.DataFrame(
            {"x": [MANY + i % 9 for i in range(60)], "w": SINCE % 1000, "y": list(KINDS)}
        )
        file = tmp_path / f"rows.{ending}"
        _ = rows.to_csv(file, index=False) if ending == "csv" else rows.to_parquet(file)
        workspace = Workspace(tmp_path, "mine")
        told = profile(file, "mine", None, workspace).guesses
        assert any("lose digits" in line for line in told)
        draft = yaml.safe_load(workspace.pipeline_file.read_text(encoding="utf-8"))
        assert draft["columns"]["x"] == {"encode": "one-hot"}

    @pytest.mark.parametrize("ending", ["jsonl", "parquet"])
    def test_are_texts_of_a_draft_though_some_are_missing(
        self, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A column of ids of which one lacks was scaled as a quantity, being one of floats."""
        monkeypatch.setattr("throughline.profile.profile_page.page", lambda *_: "")
        monkeypatch.setattr("throughline.stages.wire.refreshed", lambda *_: None)
        shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", tmp_path)
        shops = [{} if i == 7 else {"shop_id": 1000 + i % 9} for i in range(60)]
        rows = [{"w": i % 11, **shop, "y": KINDS[i]} for i, shop in enumerate(shops)]
        file = tmp_path / f"rows.{ending}"
        if ending == "parquet":
            parquet.write_table(pa.Table.from_pylist(rows), file)
        else:
            file.write_text("\n".join(json.dumps({**row}) for row in rows))
        workspace = Workspace(tmp_path, "mine")
        profile(file, "mine", None, workspace)
        draft = yaml.safe_load(workspace.pipeline_file.read_text(encoding="utf-8"))
        assert draft["source"]["read"] == {"text_columns": ["shop_id"]}
        assert draft["columns"]["shop_id"]["encode"] == "one-hot"


@pytest.mark.parametrize(("far", "said"), [(-999.0, "columns.x.missing: [-999]"), (np.inf, "")])
def test_a_far_number_of_a_file_with_types_is_said(
    far: float, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is infinite is said as that."""
    monkeypatch.setattr("throughline.profile.profile_page.page", lambda *_: "")
    monkeypatch.setattr("throughline.stages.wire.refreshed", lambda *_: None)
    shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", tmp_path)
    numbers = np.where(np.arange(60) % 9, SINCE % 977 / 10, far)
    file = tmp_path / "rows.parquet"
    pd.DataFrame({"x": numbers, "y": list(KINDS)}).to_parquet(file)
    told = "\n".join(profile(file, "mine", None, Workspace(tmp_path, "mine")).guesses)
    assert (said in told) if said else ("lies apart" not in told)


class TestPatterns:
    def treated(self, rows: pd.DataFrame) -> dict[str, Any]:
        features = facts(rows)
        return with_patterns(treated(features, []), features)

    def test_of_columns_called_alike(self) -> None:
        rows = pd.DataFrame({f"pixel_{i}": np.arange(60) % (i + 3) for i in range(20)})
        # A corner that is hardly ever lit.
        rows["pixel_0"] = np.where(np.arange(60) == 7, 2, 0)
        rows["pixel_0"] = rows["pixel_0"].where(np.arange(60) != 8, 3)
        assert list(self.treated(rows)) == ["pixel_*"]

    def test_take_no_column_that_was_left_out(self) -> None:
        """`*` took the names of rows with the numbers, and a pattern the copy of a target again."""
        numbers = {f"{900 + i}": np.arange(60) % (i + 3) for i in range(20)}
        rows = pd.DataFrame({"sample": [f"s{i}" for i in range(60)], **numbers})
        assert list(self.treated(rows)) == list(numbers)
        alike = pd.DataFrame({f"pixel_{name}": values for name, values in numbers.items()})
        alike["pixel_of"] = [f"s{i}" for i in range(60)]
        assert "pixel_*" not in self.treated(alike)
        features = facts(alike.drop(columns="pixel_of"))
        found = treated(features, [])
        del found["pixel_905"]
        assert "pixel_*" not in with_patterns(found, features)


class TestTextsThatAreAllNumbers:
    """Of a file with types, as many services write JSON; each was an identifier, and left out."""

    def test_are_numbers_of_a_draft(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("throughline.profile.profile_page.page", lambda *_: "")
        monkeypatch.setattr("throughline.stages.wire.refreshed", lambda *_: None)
        shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", tmp_path)
        rows = [{"x": f"{i}.25", "zip": f"0{i % 7}", "y": KINDS[i]} for i in range(60)]
        (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps({**row}) for row in rows))
        workspace = Workspace(tmp_path, "mine")
        told = profile(tmp_path / "rows.jsonl", "mine", None, workspace).guesses
        assert any("all numbers, such as '0.25'" in line for line in told)
        draft = yaml.safe_load(workspace.pipeline_file.read_text(encoding="utf-8"))
        assert draft["source"]["read"] == {"types": {"x": "number"}}
        assert draft["columns"]["x"] == {"scale": "standard"}
        assert draft["columns"]["zip"]["encode"] == "one-hot"

    @pytest.mark.parametrize(
        ("name", "texts", "numbers"),
        [
            ("x", ["1.5", "-2e3", None], True),
            ("x", ["1.5", "two"], False),
            ("x", ["007", "012"], False),
            ("x", [str(MANY), str(MANY + 1)], False),
            ("customer_id", ["12", "13"], False),
            ("x", ["", ""], False),
        ],
    )
    def test_are_told(self, name: str, texts: list[str | None], numbers: bool) -> None:
        assert (name in numbers_in_texts(pd.DataFrame({name: texts}))) == numbers
