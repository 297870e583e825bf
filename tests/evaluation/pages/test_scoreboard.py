"""The scoreboard says what the reports say, and nothing of pipelines that were not evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_pipeline import BINARY, NAME, Tiny, points

from throughline.errors import MissingFile, ThroughlineError
from throughline.evaluation.scoreboard import CLOSING, OPENING, PAGE, scoreboard

CLAIMS = [
    {
        "text": "a-text",
        "at": "L1",
        "metric": "accuracy",
        "value": 0.99,
        "reason": "a | other split",
    },
    {"text": "a-text", "at": "L2", "metric": "accuracy", "value": 0.5},
    {"text": "a-text", "at": "L3", "metric": "train_loss", "value": 0.25, "sd": 0.1},
    {"text": "a-text", "at": "L4", "metric": "accuracy", "value": 0.99, "stand_in": True},
]


@pytest.fixture
def judged(sides: Tiny) -> Path:
    """A root whose pipeline is evaluated against three claims."""
    sides.write({**BINARY, "claims": CLAIMS}, points(300, 1), points(200, 2), [0, 1])
    sides.run()
    return sides.workspace.root


class TestTheTable:
    def test_has_a_line_for_each_claim(self, judged: Path) -> None:
        lines = scoreboard(judged, [NAME, "other"]).splitlines()
        assert lines[:2] == [
            "- figures of test rows: 2 not reproduced",
            "- figures of training rows: 1 shown equal",
        ]
        assert lines[2] == "- figures of rows that stand in for the text's: 1 not reproduced"
        assert len([line for line in lines if "a-text" in line]) == 4
        assert "accuracy (other data)" in lines[9]
        assert lines[-1] == "Not evaluated here: other."
        assert "| 0.99 | 0.89 [" in lines[6]
        assert "**not reproduced**, worse | a \\| other split |" in lines[6]
        assert "**not reproduced**, better |" in lines[7]

    def test_marks_figures_of_training_rows(self, sides: Tiny) -> None:
        claims = [*CLAIMS, {"text": "t", "at": "L4", "metric": "epochs", "value": 20}]
        file = {**BINARY, "split": {"test": 0}, "claims": claims}
        scores = {"main": {"metrics": {}, "epochs": {"chosen": 20}, "curves": None}}
        sides.write(file, points(300, 1), points(0, 2), [0, 1], scores)
        sides.run()
        table = scoreboard(sides.workspace.root, [NAME])
        assert "| epochs |" in table
        assert table.count("accuracy (training rows)") == 2
        assert "| train_loss |" in table

    def test_is_written_where_it_is_asked_for(self, judged: Path) -> None:
        table = scoreboard(judged, [NAME], output=Path("reports/scoreboard.md"))
        assert (judged / "reports/scoreboard.md").read_text() == table
        assert not (judged / PAGE).exists()

    def test_without_any_report_says_what_to_run(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFile, match="dvc repro"):
            scoreboard(tmp_path, ["iris"])


class TestTheReadme:
    def test_gets_the_short_table_between_its_marks(self, judged: Path) -> None:
        readme = judged / "README.md"
        readme.write_text(f"before\n{OPENING}\nold\n{CLOSING}\nafter\n")
        scoreboard(judged, [NAME], write=True)
        first = readme.read_text()
        assert first.startswith(f"before\n{OPENING}\n- figures of test rows: 2 not reproduced\n")
        assert "\n\n| pipeline |" in first
        assert first.endswith(f"{CLOSING}\nafter\n")
        assert "old" not in first
        assert "accuracy 0.89 [" in first
        scoreboard(judged, [NAME], write=True)
        assert readme.read_text() == first
        assert "not reproduced" in (judged / PAGE).read_text()

    def test_without_marks_is_left_alone(self, judged: Path) -> None:
        readme = judged / "README.md"
        readme.write_text("no marks\n")
        with pytest.raises(ThroughlineError, match="must mark the place"):
            scoreboard(judged, [NAME], write=True)
        assert readme.read_text() == "no marks\n"
