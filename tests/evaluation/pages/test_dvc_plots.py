"""`dvc plots` draws what the stages wrote: confusion, calibration, ROC."""

from __future__ import annotations

import json
import subprocess
import sys

from tiny_pipeline import NAME, Tiny

from throughline.stages.wire import wire

DVC = [sys.executable, "-m", "dvc"]


def drawn(tiny: Tiny) -> dict[str, list[dict]]:
    """The points of each plot as `dvc plots show` would draw them."""
    root = tiny.workspace.root
    subprocess.run([*DVC, "init", "--no-scm", "-q"], cwd=root, check=True)
    run = subprocess.run(
        [*DVC, "plots", "show", "--json"],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    shown = json.loads(run.stdout)
    assert not shown.get("errors")
    return {
        name.rpartition("::")[2]: plots[0]["content"]["data"]["values"]
        for name, plots in shown["data"].items()
    }


class TestPlots:
    def test_of_two_classes_are_all_there(self, sides: Tiny) -> None:
        wire(sides.workspace.root, [NAME])
        sides.run()
        found = drawn(sides)
        assert set(found) == {"confusion", "calibration", "ROC"}
        ends = [
            (float(point["false_positive_rate"]), float(point["true_positive_rate"]))
            for point in (found["ROC"][0], found["ROC"][-1])
        ]
        assert ends == [(0, 0), (1, 1)]
        assert len(found["confusion"]) == 200
        assert all(0 <= float(point["observed"]) <= 1 for point in found["calibration"])
