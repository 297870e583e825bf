"""Tables of the report page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from throughline.evaluation.show.advice import advice
from throughline.evaluation.show.methods import cautions
from throughline.report.chart import Chart, time_ticks
from throughline.report.markup import plus_minus, ranged
from throughline.report.page import LIBRARY, _environment, page, piece


def claims(*entries: dict[str, Any]) -> str:
    return piece("evaluation/show/figures.html", "claims", list(entries))


def claim(**changed: Any) -> dict[str, Any]:
    ours = {"value": 0.5, "low": 0.4, "high": 0.6}
    given = {
        "text": "a-book",
        "at": "L1",
        "variant": "main",
        "point": "",
        "kind": "test",
        "metric": "accuracy",
    }
    told = {"printed": 0.7, "sd": None, "ours": ours, "verdict": "not reproduced", "side": ""}
    return {**given, **told, "erratum": None, "reason": None, **changed}


class TestClaims:
    def test_stand_below_their_text(self) -> None:
        page = claims(claim(), claim(at="L2"), claim(text="other", at="L3"))
        order = re.findall(r">(a-book|other|L\d)<", page)
        assert order == ["a-book", "L1", "L2", "other", "L3"]

    def test_the_reason_is_a_row_of_its_own_over_the_whole_width(self) -> None:
        page = claims(claim(reason="too few <rows>"), claim(at="L2"))
        columns = page.partition("</thead>")[0].count("<th ")
        assert f'<td class="why" colspan="{columns}">too few &lt;rows&gt;</td></tr>' in page
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
        assert ">3 rows decide; it may be too narrow<" in ranged(figure)
        assert ">1 row decides; no interval<" in ranged(
            {"value": 0.5, "low": None, "high": None, "decided_by": 1}
        )


class TestLooks:
    def test_at_the_test_rows_are_counted(self) -> None:
        shown = {"difference": {"metric": "accuracy"}}
        some = branch(50, "wilson", "accuracy", title="", comparisons=[shown])

        def variants(branches: dict[str, Any]) -> str:
            return piece("evaluation/show/figures.html", "variants", branches, ["accuracy"])

        assert "looked at 3 times" in variants({"main": some, "a": some, "b": some})
        none = {name: {**some, "rows": {"test": 0, "training": 9}} for name in ("main", "a")}
        assert "looked at" not in variants(none)


class TestTheConfusionMatrix:
    @pytest.mark.parametrize(
        ("count", "look", "numbers"),
        [(3, "matrix", True), (10, "matrix many", True), (46, "matrix shades", False)],
    )
    def test_fits_the_page(self, count: int, look: str, numbers: bool) -> None:
        names = [f"class {i}" for i in range(count)]
        counts = [[7 if i == j else 0 for j in range(count)] for i in range(count)]
        page = piece("report/pieces.html", "matrix", names, counts)
        assert f'class="{look}"' in page
        assert page.count(">7</td>") == (count if numbers else 0)
        assert 'title="class 1 taken for class 1: 7 (100.0%)"' in page


class TestTemplates:
    TEMPLATES: ClassVar[list[Path]] = sorted(
        path for path in LIBRARY.rglob("*.html") if not {"files", "trial"} & {*path.parts}
    )

    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
    def test_escape_what_data_say_and_refuse_a_misspelt_name(self, path: Path) -> None:
        from jinja2 import StrictUndefined

        template = _environment().get_template(path.relative_to(LIBRARY).as_posix())
        assert template.environment.autoescape is True
        assert template.environment.undefined is StrictUndefined
        assert not re.search(r"\|\s*safe|autoescape", path.read_text(encoding="utf-8"))

    def test_are_those_of_every_page(self) -> None:
        names = {path.name for path in self.TEMPLATES}
        assert names >= {"frame.html", "report.html", "validation.html", "profile.html"}
        assert names >= {"drift.html", "costs.html", "index.html"}

    def test_a_title_is_text_in_the_frame(self) -> None:
        shown = {"cores": 1, "note": "", "header": ["a"], "rows": [("<i>",)], "meaning": ""}
        made = page("stages/costs.html", "costs", "x", title="<b>&", **shown)
        assert "<title>&lt;b&gt;&amp;</title>" in made and "&lt;i&gt;" in made
        assert "<b>&" not in made and "<i>" not in made


class TestAFigure:
    @pytest.mark.parametrize(
        ("value", "low", "high", "said"),
        [
            (0.7712, 0.72, 0.82, "0.771 ± 0.05"),
            (0.7712, 0.7229, 0.8195, "0.771 ± 0.048"),
            (4026.3, 3800.0, 4252.0, "4026 ± 230"),
            (27.94, 26.7, 29.1, "27.9 ± 1.2"),
            (21.46, 18.5, 24.5, "21.5 ± 3"),
            (0.7712, None, None, "0.7712"),
            (1.0, 1.0, 1.0, "1"),
            # Of these half an interval would reach where no such figure can be.
            (0.0382, 0.0198, 0.151, "0.038 (0.020 to 0.151)"),
            (1.0, 0.886, 1.0, "1.000 (0.886 to 1.000)"),
            (0.0, 0.0, 0.12, "0.000 (0.000 to 0.120)"),
        ],
    )
    def test_has_the_digits_that_its_interval_leaves_it(
        self, value: float, low: float | None, high: float | None, said: str
    ) -> None:
        assert plus_minus({"value": value, "low": low, "high": high}) == said


class TestATimeAxis:
    @pytest.mark.parametrize(
        ("first", "last", "names"),
        [
            ("2024-01-01T00:00", "2024-01-01T06:00", ["01-01 00:00", "01-01 03:00", "01-01 06:00"]),
            ("2024-01-01", "2024-01-04", [f"2024-01-0{day}" for day in (1, 2, 3, 4)]),
            ("2023-11-20", "2024-04-10", ["2024-01", "2024-03"]),
            ("1999-06-01", "2024-06-01", ["2000", "2010", "2020"]),
        ],
    )
    def test_has_round_moments(self, first: str, last: str, names: list[str]) -> None:
        ends = [float(np.datetime64(end, "s").astype(float)) for end in (first, last)]
        ticks = time_ticks(*ends)
        assert [name for _, name in ticks] == names
        assert all(ends[0] <= at <= ends[1] for at, _ in ticks)


class TestAnAxis:
    def test_cuts_a_title_that_is_longer_than_it(self) -> None:
        svg = str(Chart((0, 1), (0, 1), "x" * 200, "y" * 200, "Long").svg())
        titles = re.findall(r'<text class="title".*?>(.*?)</text>', svg)
        assert [title[-1] for title in titles] == ["…", "…"]
        assert [len(title) for title in titles] == [54, 34]

    @pytest.mark.parametrize(
        ("top", "said"),
        [(2.5e8, "100 M"), (2.5e11, "100 G"), (2.5e20, "1.0e+20"), (2500, "1\u202f000")],
    )
    def test_has_room_for_large_numbers(self, top: float, said: str) -> None:
        svg = str(Chart((0, 1), (0, top), "x", "squared", "Large").svg())
        assert f">{said}</text>" in svg and "000 000" not in svg.replace("\u202f", " ")


class TestWhatToDoNext:
    MAIN: ClassVar[dict[str, Any]] = {
        "metrics": {"accuracy": {"value": 0.8, "low": 0.78, "high": 0.82}},
        "comparisons": [],
        "slices": [{"column": "town"}],
        "rows": {"test": 900},
    }

    def told(self, **changes: Any) -> str:
        main = {**self.MAIN, **changes}
        return " ".join(advice({"task": "binary", "branches": {"main": main}, "gates": []}))

    def test_nothing_where_nothing_is_wrong(self) -> None:
        assert self.told() == ""

    def test_a_model_that_knows_its_training_rows_too_well(self) -> None:
        known = {"train_accuracy": {"value": 0.99, "low": None, "high": None}}
        assert "dropout" in self.told(metrics=self.MAIN["metrics"] | known)

    def test_a_class_that_is_hardly_found(self) -> None:
        entry = {"class": "yes", "recall": 0.2, "support": 40}
        assert "Of the class “yes” only 20% are found" in self.told(per_class=[entry])

    @pytest.mark.parametrize(
        ("verdict", "said"),
        [("worse", "SVC does better"), ("not shown", "SVC, which is simpler"), ("better", "")],
    )
    def test_another_model_that_does_as_well(self, verdict: str, said: str) -> None:
        found = {"metric": "accuracy", "verdict": verdict, "value": 0.1}
        others = [{"name": name, "difference": found} for name in ("majority", "SVC")]
        assert said in self.told(comparisons=others) if said else not self.told(comparisons=others)
