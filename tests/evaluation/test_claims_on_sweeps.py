"""Claims on a point and on the curve of a sweep."""

from __future__ import annotations

from typing import Any

import pytest

from throughline.errors import BadPipeline
from throughline.evaluation.compare.verdicts import all_judged
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.schema.judgement import Claim


def claim(value: float, metric: str = "accuracy", **more: Any) -> Claim:
    return Claim(text="a-text", at="L1", metric=metric, value=value, **more)


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
        assert (entry["verdict"], entry["ours"]["value"]) == ("compatible", 0.4)
        assert entry["point"] == "sweep rates: learning_rate 0.1"

    def test_or_by_its_training_on_all_rows(self) -> None:
        entry = self.found("train_loss", {RATE: 0.1})
        assert (entry["verdict"], entry["ours"]["value"]) == ("shown equal", 0.35)

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


class TestACurveOverASweep:
    def test_is_drawn_where_one_number_varies_whatever_else_is_set(self) -> None:
        from throughline.evaluation.show.sweeps import curve

        def swept(**constant: Any) -> list[dict[str, Any]]:
            return [
                {"settings": {**constant, RATE: rate}, "metrics": {"loss": {"mean": rate}}}
                for rate in (0.01, 0.05, 0.1, 0.5)
            ]

        assert "<polyline" in str(curve(swept()))
        assert curve(swept(epochs=10)) == curve(swept())
        both = swept()
        both[0]["settings"]["epochs"] = 3
        for point in both[1:]:
            point["settings"]["epochs"] = 4
        assert not curve(both)
