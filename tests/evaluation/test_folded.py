"""Comparison models on folds: the network's folds, with preprocessing refitted in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny_pipeline import BINARY, Tiny, binary, points

from throughline.pipeline.pipeline import Pipeline

ASKING = {"model": "LogisticRegression", "cross_validate": True}
CLAIM = {"text": "t", "at": "1", "metric": "cv_accuracy:LogisticRegression", "value": 0.5}
FILE = {
    **BINARY,
    "columns": {"x": {"scale": "standard"}, "y": {"scale": "standard"}},
    "cross_validation": {"folds": 4, "seed": 3},
    "compare": ["majority", ASKING],
    "claims": [CLAIM],
}


@pytest.fixture
def asking(tiny: Tiny) -> Tiny:
    # Few rows with one far out, so that it matters on which rows the scaler is fitted.
    training = points(40, 1)
    training.loc[0, "x"] = 60.0
    tiny.write(FILE, training, points(50, 2), [0, 1])
    binary(tiny.workspace.model, ["x", "y"], np.array([[3.0], [3.0]]), np.zeros(1))
    return tiny


class TestFolds:
    def test_give_what_scikit_learn_gives_with_the_scaler_in_its_pipeline(
        self, asking: Tiny
    ) -> None:
        report = asking.run()
        training = points(40, 1)
        training.loc[0, "x"] = 60.0
        folds = StratifiedKFold(4, shuffle=True, random_state=3)
        model = make_pipeline(StandardScaler(), LogisticRegression())
        rows, answers = training[["x", "y"]], training["side"]
        expected = cross_val_score(model, rows, answers, cv=folds)
        majority, logistic = report["branches"]["main"]["comparisons"]
        found = logistic["folds"]["accuracy"]
        assert found["value"] == pytest.approx(expected.mean(), abs=1e-6)
        assert found["low"] < found["value"] < found["high"]
        loss = cross_val_score(model, rows, answers, cv=folds, scoring="neg_log_loss")
        assert logistic["folds"]["loss"]["value"] == pytest.approx(-loss.mean(), abs=5e-4)
        assert "folds" not in majority

    def test_can_be_claimed_and_are_shown(self, asking: Tiny) -> None:
        (claim,) = asking.run()["claims"]
        assert (claim["verdict"], claim["side"]) == ("not reproduced", "better")
        page = (asking.workspace.evaluation / "report.html").read_text()
        assert "loss, mean of the folds" in page

    def test_can_be_asked_of_the_baseline(self, asking: Tiny) -> None:
        compare = [{"model": "majority", "cross_validate": True}]
        asking.write(
            {**FILE, "compare": compare, "claims": []}, points(40, 1), points(9, 2), [0, 1]
        )
        (majority,) = asking.run()["branches"]["main"]["comparisons"]
        assert majority["folds"]["accuracy"]["value"] == pytest.approx(0.5, abs=0.2)

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"cross_validation": None}, "needs section 'cross_validation'"),
            (
                {
                    "task": "forecast",
                    "target": "x",
                    "time": {"index": "when", "every": "1h", "lookback": 4},
                    "compare": ["persistence", {**ASKING, "model": "LinearRegression"}],
                },
                "for rows, not for windows",
            ),
        ],
    )
    def test_that_cannot_be_are_refused_before_anything_runs(
        self, more: dict[str, Any], message: str
    ) -> None:
        source = {"sklearn": "iris", "licence": "CC BY 4.0"}
        with pytest.raises(ValueError, match=message):
            Pipeline.model_validate({**FILE, "claims": [], "source": source, **more})
