"""The stage as a whole: what it writes and what it says."""

from __future__ import annotations


from tiny_pipeline import Tiny


class TestAReport:
    def test_holds_the_figures_of_the_test_rows_with_intervals(self, sides: Tiny) -> None:
        report = sides.run()
        accuracy = report["branches"]["main"]["metrics"]["accuracy"]
        assert accuracy["low"] < accuracy["value"] < accuracy["high"]
        assert report["branches"]["main"]["rows"] == {"training": 300, "test": 200}
