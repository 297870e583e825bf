"""Tables of the report page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from throughline.evaluation.show.sections import claims
from throughline.report.markup import matrix


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
