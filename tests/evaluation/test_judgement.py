"""Claims and gates get the verdict that their figures deserve, and names that exist."""

from __future__ import annotations

from typing import Any

import pytest

from throughline.errors import BadPipeline
from throughline.evaluation.compare.judgement import all_judged, gated, judged
from throughline.evaluation.measure.measure import Figure, plain
from throughline.figures.names import FIGURES, direction, metric_names, unknown_metrics
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.schema.judgement import Claim, Gates


def claim(value: float, metric: str = "accuracy", **more: Any) -> Claim:
    return Claim(text="a-text", at="L1", metric=metric, value=value, **more)


def figure(value: float, low: float, high: float) -> Figure:
    return {"value": value, "low": low, "high": high, "method": "bootstrap"}


OURS = figure(0.90, 0.85, 0.94)


class TestAClaim:
    @pytest.mark.parametrize(
        ("printed", "verdict"),
        [
            (claim(0.85), "reproduced"),
            (claim(0.80), "better"),
            (claim(0.95), "not reached"),
            (claim(0.95, sd=0.03), "reproduced"),
            (claim(0.95, tolerance=0.01), "not reached"),
            (claim(0.91, tolerance=0.01), "reproduced"),
            # A tolerance is stricter than the interval, too.
            (claim(0.93, tolerance=0.01), "not reached"),
            (claim(0.88, tolerance=0.01), "better"),
        ],
    )
    def test_is_judged_by_tolerance_then_interval(self, printed: Claim, verdict: str) -> None:
        assert judged(printed, OURS)["verdict"] == verdict

    def test_of_a_loss_is_better_below(self) -> None:
        assert judged(claim(0.99, "train_loss"), OURS)["verdict"] == "better"
        assert judged(claim(0.80, "cv_loss"), OURS)["verdict"] == "not reached"

    def test_of_a_coefficient_is_neither_better_nor_worse(self) -> None:
        assert judged(claim(0.2, "coefficient:x"), plain(0.5))["verdict"] == "not reached"

    def test_without_interval_is_judged_as_printed(self) -> None:
        assert judged(claim(0.2516, "coefficient:x"), plain(0.25164))["verdict"] == "reproduced"
        assert judged(claim(0.2516, "coefficient:x"), plain(0.25166))["verdict"] == "not reached"
        assert judged(claim(2.0, "coefficient:x"), plain(2.0000003))["verdict"] == "reproduced"
        assert judged(claim(50.0, "confusion:a:b"), plain(49))["verdict"] == "not reached"

    def test_keeps_its_reason(self) -> None:
        kept = judged(claim(0.95, reason="other split", erratum="misprint"), OURS)
        assert (kept["reason"], kept["erratum"]) == ("other split", "misprint")

    def test_on_a_figure_that_is_not_there_names_the_nearest(self) -> None:
        with pytest.raises(BadPipeline, match="Did you mean 'accuracy'"):
            all_judged([claim(0.9, "acuracy")], {"main": {"accuracy": OURS}})

    def test_on_folds_that_are_not_there_names_the_section(self) -> None:
        with pytest.raises(BadPipeline, match="section 'cross_validation'"):
            all_judged([claim(0.9, "cv_accuracy")], {"main": {"accuracy": OURS}})


RATE = "training.optimizer.SGD.learning_rate"
SWEEPS: dict[str, Any] = {
    "rates": {
        "points": [
            {
                "settings": {RATE: 0.1, "training.epochs": 10},
                "metrics": {"loss": {"mean": 0.4, "low": 0.3, "high": 0.5, "sd": 0.1}},
                "refitted": {"loss": 0.35},
            },
            {"settings": {RATE: 0.5, "training.epochs": 10}, "diverged": "NaN"},
        ]
    }
}


class TestAClaimOnAPointOfASweep:
    def found(self, metric: str, point: dict[str, Any]) -> dict[str, Any]:
        (entry,) = all_judged([claim(0.36, metric, sweep="rates", point=point)], {}, SWEEPS)
        return entry

    def test_is_judged_by_the_folds(self) -> None:
        entry = self.found("cv_loss", {RATE: 0.1})
        assert (entry["verdict"], entry["ours"]["value"]) == ("reproduced", 0.4)
        assert entry["point"] == "sweep rates: learning_rate 0.1"

    def test_or_by_its_training_on_all_rows(self) -> None:
        entry = self.found("train_loss", {RATE: 0.1})
        assert (entry["verdict"], entry["ours"]["value"]) == ("better", 0.35)

    @pytest.mark.parametrize(
        ("metric", "point", "message"),
        [
            ("cv_loss", {"training.epochs": 10}, "fits 2"),
            ("cv_loss", {RATE: 0.2}, "fits 0"),
            ("cv_loss", {RATE: 0.5}, "diverged"),
            ("cv_los", {RATE: 0.1}, "Did you mean 'cv_loss'"),
        ],
    )
    def test_that_has_no_figure_says_why(
        self, metric: str, point: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(BadPipeline, match=message):
            self.found(metric, point)

    def test_of_training_rows_needs_a_refit(self) -> None:
        points = [{k: v for k, v in SWEEPS["rates"]["points"][0].items() if k != "refitted"}]
        with pytest.raises(BadPipeline, match="refit: true"):
            all_judged(
                [claim(0.36, "train_loss", sweep="rates", point={RATE: 0.1})],
                {},
                {"rates": {"points": points}},
            )

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"sweep": "rate", "point": {"training.epochs": 1}}, "Did you mean 'rates'"),
            ({"sweep": "rates", "point": {"training.epochs": 3}}, "fits 0"),
            ({"sweep": "rates"}, "belong together"),
            ({"sweep": "rates", "point": {"training.epochs": 1}, "metric": "mae"}, "no test row"),
            ({"sweep": "rates", "point": {"training.epochs": 1}, "variant": "a"}, "no effect"),
        ],
    )
    def test_is_checked_before_anything_runs(self, more: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Pipeline.model_validate(
                {
                    "title": "Which?",
                    "task": "regression",
                    "source": {"sklearn": "diabetes", "licence": "BSD"},
                    "target": "amount",
                    "columns": {"age": {}},
                    "variants": {"a": {"network": []}},
                    "sweeps": {"rates": {"over": {"training.epochs": [1, 2]}}},
                    "claims": [{"text": "t", "at": "1", "metric": "cv_mae", "value": 1.0, **more}],
                }
            )


class TestAGate:
    def test_holds_or_not(self) -> None:
        gates = Gates(beat=["majority", "SVC"], metrics={"accuracy": ">= 0.9", "loss": "< 0.1"})
        comparisons = [
            {"name": "majority", "difference": {"verdict": "better", "value": 0.3}},
            {"name": "SVC", "difference": {"verdict": "no difference", "value": 0.01}},
        ]
        found = gated(gates, {"accuracy": OURS, "loss": plain(0.2)}, comparisons)
        assert [gate["holds"] for gate in found] == [True, False, True, False]


class TestNames:
    @pytest.mark.parametrize("task", list(FIGURES))
    def test_hold_test_training_and_folds(self, task: str) -> None:
        names = metric_names(task)
        first = FIGURES[task][0]
        assert {first, f"train_{first}", f"cv_{first}"} <= set(names)
        assert len(names) == len(set(names))

    def test_know_the_good_side(self) -> None:
        assert direction("cv_mae") == direction("train_loss") == direction("mae:SVR") == "lower"
        assert direction("recall:yes") == direction("r2") == "higher"
        assert direction("coefficient:x") == "none"

    def test_that_no_evaluation_has_are_found_beforehand(self) -> None:
        pipeline = Pipeline.model_validate(
            {
                "title": "Which?",
                "task": "regression",
                "source": {"sklearn": "diabetes", "licence": "BSD"},
                "target": "amount",
                "columns": {"age": {}},
                "gates": {"accuracy": ">= 0.9"},
                "claims": [
                    {"text": "t", "at": "1", "metric": "coefficient:agee", "value": 1.0},
                    {"text": "t", "at": "2", "metric": "mae:LinearRegression", "value": 1.0},
                ],
            }
        )
        first, second = unknown_metrics(pipeline)
        assert first.startswith("claims.0.metric: no column 'agee'. Did you mean 'age'")
        assert second.startswith("gates.accuracy: no metric 'accuracy'")


class TestACurveOverASweep:
    def test_is_drawn_where_one_number_varies_whatever_else_is_set(self) -> None:
        from throughline.evaluation.show.text_sections import sweep_curves

        def swept(**constant: Any) -> dict[str, Any]:
            points = [
                {"settings": {**constant, RATE: rate}, "metrics": {"loss": {"mean": rate}}}
                for rate in (0.01, 0.05, 0.1, 0.5)
            ]
            return {"rates": {"title": "Rates", "points": points}}

        assert sweep_curves(swept()).count("<figure") == 1
        assert sweep_curves(swept(epochs=10)) == sweep_curves(swept())
        both = swept()
        both["rates"]["points"][0]["settings"]["epochs"] = 3
        for point in both["rates"]["points"][1:]:
            point["settings"]["epochs"] = 4
        assert not sweep_curves(both)
