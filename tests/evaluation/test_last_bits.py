"""Two processors differ in the last bits of a model's answers; the reports do not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_pipeline import BINARY, Tiny, binary, classifier, points, regressor

from throughline.figures.rounding import order_of, rounded, to_digits, to_meaning

# One part in so many: float32 tells numbers apart that differ by one in 8 to 16 million.
LAST_BIT = 1e-7


def _binary(tiny: Tiny) -> None:
    tiny.write({**BINARY, "slices": [{"column": "group"}]}, points(300, 1), points(200, 2), [0, 1])
    binary(tiny.workspace.model, ["x", "y"], np.array([[3.0], [3.0]]), np.array([0.1]))


def _multiclass(tiny: Tiny) -> None:
    file = {**BINARY, "task": "multiclass", "target": "third"}
    # Of seed 2 one row's probability is .9665, which the last bit rounds up or down.
    tiny.write(file, points(300, 1), points(200, 3), [0, 1, 2])
    weights, bias = np.array([[-4.0, 0, 4], [-4.0, 0, 4]]), np.array([-1.0, 1, -1])
    classifier(tiny.workspace.model, ["x", "y"], weights, bias)


def _number(tiny: Tiny) -> None:
    file = {**BINARY, "task": "regression", "target": "amount", "compare": ["LinearRegression"]}
    tiny.write(file, points(300, 1), points(200, 2))
    regressor(tiny.workspace.model, ["x", "y"], np.array([[2.0], [-3.0]]), np.array([1.1]))


KINDS = {"binary": _binary, "multiclass": _multiclass, "number": _number}


class Elsewhere:
    """Another processor: every probability and prediction is off by up to a last bit.

    Args:
        monkeypatch: of the test.
        seed: of the departures.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        from throughline.serving.predictor import Predictor

        self._generator = np.random.default_rng(seed)
        self._here = Predictor.predict
        self.moved = 0
        monkeypatch.setattr(Predictor, "predict", lambda *a, **k: self._predict(*a, **k))

    def _predict(self, *arguments: Any, **options: Any) -> dict[str, np.ndarray]:
        answers: Mapping[str, np.ndarray] = self._here(*arguments, **options)
        return {name: self._nearly(name, values) for name, values in answers.items()}

    def _nearly(self, name: str, values: np.ndarray) -> np.ndarray:
        if name not in ("probability", "probabilities", "prediction"):
            return values
        off = LAST_BIT * self._generator.choice([-1, 1], values.shape)
        found = (values.astype(np.float64) * (1 + off)).astype(np.float32)
        if name != "prediction":
            found = np.minimum(found, np.float32(1))
        self.moved += int((found != values).sum())
        return found


def _written(tiny: Tiny) -> dict[str, bytes]:
    folder = tiny.workspace.evaluation
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return files | {"metrics.json": tiny.workspace.metrics.read_bytes()}


class TestLastBits:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("seed", range(3))
    def test_move_no_byte_of_a_report(self, tmp_path: Path, kind: str, seed: int) -> None:
        """Six digits, which reports had before, fail this for each kind and seed.

        A value that lies on the border between two rounded ones can move all the same;
        `test_move_few_rounded_probabilities` counts how rarely.
        """
        tiny = Tiny(tmp_path)
        KINDS[kind](tiny)
        tiny.run()
        here = _written(tiny)
        with pytest.MonkeyPatch.context() as patched:
            elsewhere = Elsewhere(patched, seed)
            tiny.run()
        assert elsewhere.moved > 100
        there = _written(tiny)
        assert {"report.json", "report.html", "metrics.json"} <= set(there)
        assert [name for name in here if here[name] != there[name]] == []

    def test_move_no_loss_of_a_model_that_is_sure(self, sides: Tiny) -> None:
        binary(sides.workspace.model, ["x", "y"], np.array([[3.0], [3.0]]), np.array([18.0]))
        sides.write(BINARY, points(300, 1).assign(side=1), points(200, 2).assign(side=1), [0, 1])
        loss = [sides.run()["branches"]["main"]["metrics"]["loss"]]
        for seed in range(3):
            with pytest.MonkeyPatch.context() as patched:
                Elsewhere(patched, seed)
                loss.append(sides.run()["branches"]["main"]["metrics"]["loss"])
        assert loss == loss[:1] * 4

    def test_move_no_difference_of_two_models_that_are_alike(self, tiny: Tiny) -> None:
        _number(tiny)
        training = points(300, 1, noise=0.0)
        tiny.workspace.pipeline_file.write_text(
            tiny.workspace.pipeline_file.read_text() + "gates: {beat: [LinearRegression]}\n"
        )
        training["amount"] = 2.0 * training["x"] - 3.0 * training["y"] + 1.1
        training.to_parquet(tiny.workspace.training_data / "main" / "rows.parquet")
        np.save(
            tiny.workspace.training_data / "main" / "target.npy",
            training[["amount"]].to_numpy(np.float32),
        )
        found = []
        for seed in range(4):
            with pytest.MonkeyPatch.context() as patched:
                Elsewhere(patched, seed)
                report = tiny.run()
            found.append((report["branches"]["main"]["comparisons"][1], report["gates"]))
        assert found == found[:1] * 4

    def test_move_few_rounded_probabilities(self) -> None:
        generator = np.random.default_rng(0)
        values = generator.random(1_000_000)
        moved = values * (1 + LAST_BIT * generator.choice([-1, 1], values.shape))
        changed = {n: (to_digits(values, n) != to_digits(moved, n)).mean() for n in (3, 6)}
        assert changed[3] < 1e-4 < 3e-2 < changed[6]

    def test_decide_no_rank_where_probabilities_are_saturated(self) -> None:
        from throughline.evaluation.measure.classification import roc_auc
        from throughline.evaluation.outcome import Outcome

        actual = np.array([0, 1, 1, 0, 1])
        areas = []
        for top in (1.0, 1 - 2**-24):
            positive = np.array([0.1, 0.7, 1.0, top, 1 - 2**-23])
            both = np.column_stack([1 - positive, positive])
            outcome = Outcome("binary", actual, actual, both, ("no", "yes"))
            areas.append(roc_auc(outcome, np.ones((1, 5))).tolist())
        assert areas[0] == areas[1] == [pytest.approx((3 + 0 + 0.5 + 0.5) / 6)]

    def test_are_no_points_of_a_roc_curve(self) -> None:
        from throughline.evaluation.measure.calibration import roc
        from throughline.evaluation.outcome import Outcome

        actual = np.array([0, 0, 1, 0, 1, 1])
        curves = []
        for apart in (0.0, 1e-4):
            positive = np.array([0.1, 0.1 + apart, 0.4, 0.6, 0.9, 0.9 + apart])
            both = np.column_stack([1 - positive, positive])
            curves.append(roc(Outcome("binary", actual, actual, both, ("no", "yes"))))
        shares = [[point[:2] for point in curve] for curve in curves]
        third = pytest.approx(1 / 3)
        assert shares[0] == [(0, 0), (0, pytest.approx(2 / 3)), (third, pytest.approx(2 / 3)),
                             (third, 1), (1, 1)]  # fmt: skip
        assert shares[1] == shares[0]


class TestAFigure:
    def test_keeps_what_is_exact(self) -> None:
        found = rounded(
            {"rows": 123456789, "holds": True, "name": "x", "settings": {"rate": 1 / 3}}
        )
        assert found == {
            "rows": 123456789, "holds": True, "name": "x", "settings": {"rate": 1 / 3}
        }  # fmt: skip

    def test_of_a_text_stands_as_it_is_printed(self, sides: Tiny) -> None:
        claim = {"text": "t", "at": "1", "metric": "loss", "value": 0.12345678, "sd": 0.00123456789}
        sides.write({**BINARY, "claims": [claim]}, points(300, 1), points(200, 2), [0, 1])
        (found,) = sides.run()["claims"]
        assert (found["printed"], found["sd"]) == (0.12345678, 0.00123456789)
        assert len(repr(found["ours"]["value"])) <= len("0.1234")

    def test_is_judged_before_it_is_rounded(self, sides: Tiny) -> None:
        loss = sides.run()["branches"]["main"]["metrics"]["loss"]["value"]
        bounds = (f"<= {loss - 4.9e-5}", f"<= {loss + 4.9e-5}")
        holds = []
        for bound in bounds:
            sides.write(
                {**BINARY, "gates": {"loss": bound}}, points(300, 1), points(200, 2), [0, 1]
            )
            (gate,) = sides.run()["gates"]
            holds.append(gate["holds"])
            assert gate["value"] == loss
        assert holds == [False, True]

    def test_that_is_not_finite_is_null(self) -> None:
        assert json.dumps(rounded([float("nan"), np.float32("inf"), np.float64(1.5)])) == (
            "[null, null, 1.5]"
        )

    @pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
    def test_of_a_row_keeps_a_digit_of_its_error_in_any_unit(self, unit: float) -> None:
        actual = np.linspace(1, 2, 50)[:, None] * unit
        answers = actual + np.random.default_rng(0).normal(0, 0.01 * unit, (50, 1))
        found = to_meaning(answers, actual)
        assert np.abs(found - answers).max() <= 0.001 * unit
        assert len(np.unique(found - actual)) > 20

    def test_of_a_row_without_error_stays(self) -> None:
        values = np.array([[0.0, 2.5], [0.0, 1024.0]])
        assert to_meaning(values, values).tolist() == values.tolist()

    def test_keeps_small_probabilities_apart(self) -> None:
        found = to_digits(np.array([0.0, 1.23456e-9, 0.5, 1.0]), 3)
        assert found.tolist() == [0.0, 1.23e-9, 0.5, 1.0]

    @pytest.mark.parametrize("error", [0.0, 3e-8, 1.2e-7, 9.9e-7])
    def test_of_chance_is_one_for_all_processors(self, error: float) -> None:
        assert order_of(error, 1e-6) == 1e-6

    def test_of_chance_never_passes_the_tolerance_that_it_kept(self) -> None:
        assert order_of(9.99e-6, 1e-6) == order_of(1e-5, 1e-6) == 1e-5
