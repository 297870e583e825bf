"""Tables of the report page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from throughline.evaluation.show.methods import cautions
from throughline.evaluation.show.sections import claims, variants
from throughline.report.markup import matrix, ranged


def claim(**changed: Any) -> dict[str, Any]:
    ours = {"value": 0.5, "low": 0.4, "high": 0.6}
    given = {"text": "a-book", "at": "L1", "variant": "main", "point": "", "metric": "accuracy"}
    told = {"printed": 0.7, "sd": None, "ours": ours, "verdict": "not reproduced", "side": ""}
    return {**given, **told, "erratum": None, "reason": None, **changed}


class TestClaims:
    def test_stand_below_their_text(self) -> None:
        page = claims({"claims": [claim(), claim(at="L2"), claim(text="other", at="L3")]})
        order = re.findall(r"a-book|other|L\d", page)
        assert order == ["a-book", "L1", "L2", "other", "L3"]

    def test_the_reason_is_a_row_of_its_own_over_the_whole_width(self) -> None:
        page = claims({"claims": [claim(reason="too few <rows>"), claim(at="L2")]})
        columns = page.partition("</thead>")[0].count("<th>")
        assert f'<tr><td class="why" colspan="{columns}">too few &lt;rows&gt;</td></tr>' in page
        assert page.count('class="why"') == 1


def branch(rows: int, method: str, name: str, **more: Any) -> dict[str, Any]:
    figure = {"value": 0.5, "low": 0.4, "high": 0.6, "method": method}
    return {"rows": {"test": rows, "training": 100}, "metrics": {name: figure}, **more}


class TestIntervalsThatAreTooNarrow:
    def test_are_said_to_be_where_few_rows_hold_no_large_error(self) -> None:
        assert "too narrow" in cautions(branch(50, "studentised", "mse"))
        assert cautions(branch(1000, "studentised", "mse")) == ""
        assert cautions(branch(50, "wilson", "accuracy")) == ""

    def test_are_said_to_be_where_classes_have_few_rows(self) -> None:
        held = [{"support": 0}, {"support": 4}, {"support": 40}]
        said = cautions(branch(50, "posterior", "macro_f1", per_class=held))
        assert "2 classes have fewer than 5 test rows" in said
        assert cautions(branch(50, "posterior", "macro_f1", per_class=held[2:])) == ""
        assert cautions(branch(50, "posterior", "f1", per_class=held)) == ""

    def test_are_said_to_be_where_a_series_has_few_blocks(self) -> None:
        assert "only 5 blocks" in cautions(branch(200, "blocks", "mae", blocks=5))
        assert cautions(branch(900, "blocks", "mae", blocks=80)) == ""

    def test_or_there_is_none_where_a_handful_decides(self) -> None:
        figure = {"value": 0.5, "low": 0.4, "high": 0.6, "decided_by": 3}
        assert "(3 rows decide; it may be too narrow)" in ranged(figure)
        assert "(1 row decides; no interval)" in ranged(
            {"value": 0.5, "low": None, "high": None, "decided_by": 1}
        )


class TestLooks:
    def test_at_the_test_rows_are_counted(self) -> None:
        shown = {"difference": {"metric": "accuracy"}}
        some = branch(50, "wilson", "accuracy", title="", comparisons=[shown])
        page = variants({"task": "binary", "branches": {"main": some, "a": some, "b": some}})
        assert "looked at 3 times" in page
        none = {name: {**some, "rows": {"test": 0, "training": 9}} for name in ("main", "a")}
        assert "looked at" not in variants({"task": "binary", "branches": none})


class TestTheConfusionMatrix:
    @pytest.mark.parametrize(
        ("count", "look", "numbers"),
        [(3, "matrix", True), (10, "matrix many", True), (46, "matrix shades", False)],
    )
    def test_fits_the_page(self, count: int, look: str, numbers: bool) -> None:
        names = [f"class {i}" for i in range(count)]
        counts = [[7 if i == j else 0 for j in range(count)] for i in range(count)]
        page = matrix(names, counts)
        assert f'class="{look}"' in page
        assert page.count(">7</td>") == (count if numbers else 0)
        assert 'title="class 1 taken for class 1: 7 (100.0%)"' in page
