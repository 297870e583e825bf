"""A model no better than its trivial baseline gets the texts' debug list, a good one does not."""

from __future__ import annotations

from typing import Any

import numpy as np
from tiny_pipeline import BINARY, Tiny, binary, points

from throughline.pipeline.pipeline import Pipeline
from throughline.training.settings import settings

NETWORK: dict[str, Any] = {
    "network": [{"Dense": {"units": 4}}],
    "training": {"optimizer": {"Adam": {"learning_rate": 0.5}}, "loss": "mse", "epochs": 3},
    "compare": ["majority"],
    "gates": {"beat": ["majority"]},
}


def report(tiny: Tiny, weights: list[list[float]], **scores: Any) -> dict[str, Any]:
    file = {**BINARY, **NETWORK}
    found = {"main": None, "sweeps": {}, **scores}
    tiny.write(file, points(300, 1), points(200, 2), [0, 1], found)
    binary(tiny.workspace.model, ["x", "y"], np.array(weights), np.zeros(1))
    return tiny.run()


class TestDebugList:
    def test_a_good_model_has_none(self, sides: Tiny) -> None:
        assert report(sides, [[4.0], [4.0]])["debug"] == []
        page = (sides.workspace.evaluation / "report.html").read_text()
        assert "Debug list" not in page

    def test_a_bad_model_is_told_what_it_uses(self, sides: Tiny) -> None:
        pipeline = Pipeline.model_validate({"source": {"sklearn": "iris"}, **BINARY, **NETWORK})
        found = report(sides, [[-4.0], [-4.0]], settings={"main": settings(pipeline)})
        assert [gate["holds"] for gate in found["gates"]] == [False]
        lines = {entry["item"]: entry for entry in found["debug"]}
        assert list(lines) == ["last layer", "loss", "optimizer", "scaling"]
        assert lines["last layer"]["used"] == lines["last layer"]["expected"] == "Dense, sigmoid"
        assert lines["loss"] == {
            "item": "loss", "expected": "binary_crossentropy", "used": "mse",
        }  # fmt: skip
        assert lines["optimizer"]["used"] == "Adam(learning_rate=0.5), batches of 32, 3 epochs"
        assert lines["scaling"]["used"] == "none: x, y; target: as it is"
        page = (sides.workspace.evaluation / "report.html").read_text()
        assert "does not beat the baseline majority" in page and "learning_rate=0.5" in page

    def test_scores_without_settings_still_give_the_list(self, sides: Tiny) -> None:
        assert [e["used"] for e in report(sides, [[0.0], [0.0]])["debug"]] == [""] * 4
