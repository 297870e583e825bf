"""The report says what the rows that validation set aside would change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tiny_pipeline import BINARY, Tiny, points, regressor

from throughline.sources.table import write_rows


def aside(tiny: Tiny, rows: pd.DataFrame) -> dict:
    write_rows(rows, tiny.workspace.test_data / "main" / "set_aside.parquet")
    return tiny.run()["set_aside"]


class TestFigures:
    def test_with_and_without(self, sides: Tiny) -> None:
        rows = points(20, 3)
        rows["side"] = 1 - rows["side"]
        found = aside(sides, rows)
        without, together = (found[key]["accuracy"]["value"] for key in ("without", "with"))
        alone = found["alone"]["accuracy"]["value"]
        assert without == sides.run()["branches"]["main"]["metrics"]["accuracy"]["value"]
        assert together == pytest.approx((200 * without + 20 * alone) / 220, abs=1e-6)
        assert alone < 0.5 < without
        page = (sides.workspace.evaluation / "report.html").read_text()
        assert "Validation set 20 rows aside" in page
        assert "20 are judged here" in page

    def test_of_numbers(self, tiny: Tiny) -> None:
        file = {**BINARY, "task": "regression", "target": "amount"}
        tiny.write(file, points(300, 1), points(200, 2))
        regressor(tiny.workspace.model, ["x", "y"], np.array([[2.0], [-3.0]]), np.array([1.0]))
        rows = points(10, 3)
        rows["amount"] += 100
        found = aside(tiny, rows)
        assert found["alone"]["mae"]["value"] == pytest.approx(100, abs=2)
        assert found["with"]["mae"]["value"] > 3 * found["without"]["mae"]["value"]

    def test_nothing_was_set_aside(self, sides: Tiny) -> None:
        assert sides.run()["set_aside"] is None
        assert "Rows set aside" not in (sides.workspace.evaluation / "report.html").read_text()


class TestRowsThatCannotBeJudged:
    def test_are_counted(self, sides: Tiny) -> None:
        rows = points(6, 3).astype({"side": float, "x": object})
        rows.loc[0, "side"] = np.nan
        rows.loc[1, "side"] = 7
        rows["x"] = ["1.0", "0.5", "far", "0.25", "-1", "2"]
        found = aside(sides, rows)
        counts = [found[key] for key in ("rows", "without_target", "refused", "judged")]
        assert counts == [6, 2, 1, 3]

    def test_all_of_them(self, sides: Tiny) -> None:
        rows = points(3, 3).astype({"side": float}).assign(side=np.nan)
        found = aside(sides, rows)
        assert found == {"rows": 3, "without_target": 3, "refused": 0, "judged": 0}
        assert "3 have no target" in (sides.workspace.evaluation / "report.html").read_text()
