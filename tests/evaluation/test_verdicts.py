"""Claims and gates get the verdict that their figures deserve, and names that exist."""

from __future__ import annotations

from typing import Any

import pytest

from throughline.errors import BadPipeline
from throughline.evaluation.compare.verdicts import all_judged, gated, judged
from throughline.evaluation.measure.evaluated import (
    FIGURES,
    compared_by,
    figure_of,
    known_figure,
    metric_names,
    unknown_metrics,
)
from throughline.evaluation.measure.measure import Figure, plain
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.schema.judgement import Claim, Gates


def claim(value: float, metric: str = "accuracy", **more: Any) -> Claim:
    return Claim(text="a-text", at="L1", metric=metric, value=value, **more)


def figure(value: float, low: float, high: float) -> Figure:
    return {"value": value, "low": low, "high": high, "method": "bootstrap"}


OURS = figure(0.90, 0.85, 0.94)


SURE = figure(0.90, 0.89, 0.91)


class TestAClaim:
    @pytest.mark.parametrize(
        ("printed", "ours", "verdict"),
        [
            (claim(0.85), OURS, "compatible"),
            (claim(0.801), OURS, "not reproduced, better"),
            (claim(0.951), OURS, "not reproduced, worse"),
            (claim(0.95, sd=0.03), OURS, "compatible"),
            # Equal is said of all that our figure may be, not of where it happens to lie.
            (claim(0.90), OURS, "compatible"),
            (claim(0.90), SURE, "shown equal"),
            (claim(0.908), SURE, "shown equal"),
            (claim(0.915), SURE, "not reproduced, worse"),
            # A tolerance needs a reason.
            (claim(0.94, tolerance=0.1), SURE, "not reproduced, worse"),
            (claim(0.94, tolerance=0.1, reason="five rows"), SURE, "shown equal"),
            (claim(0.908, tolerance=0.001, reason="exact"), SURE, "compatible"),
        ],
    )
    def test_is_judged_by_one_rule(self, printed: Claim, ours: Figure, verdict: str) -> None:
        found = judged(printed, ours)
        assert ", ".join(filter(None, (found["verdict"], found["side"]))) == verdict

    def test_of_an_error_has_a_tenth_of_it_for_margin(self) -> None:
        assert judged(claim(0.80, "cv_loss"), figure(0.82, 0.78, 0.87))["verdict"] == "shown equal"
        found = judged(claim(0.99, "loss"), OURS)
        assert (found["verdict"], found["side"]) == ("not reproduced", "better")

    def test_of_training_rows_or_a_count_is_never_better(self) -> None:
        for printed, ours in (
            (claim(0.2, "coefficient:x"), plain(0.5)),
            (claim(0.99, "train_loss"), plain(0.5)),
        ):
            found = judged(printed, ours)
            assert (found["verdict"], found["side"]) == ("not reproduced", "")
        assert judged(claim(0.8), plain(0.9), tested=False)["side"] == ""

    def test_says_what_its_figure_is_of(self) -> None:
        kinds = {
            "accuracy": "test", "cv_accuracy": "folds", "train_accuracy": "training",
            "accuracy:majority": "baseline", "accuracy:SVC": "test", "recall:yes": "test",
            "epochs": "count", "parameters": "count", "confusion:a:b": "count",
        }  # fmt: skip
        for metric, kind in kinds.items():
            assert judged(claim(0.9, metric), OURS)["kind"] == kind, metric
        assert judged(claim(0.9), plain(0.9), tested=False)["kind"] == "training"

    def test_of_other_rows_than_the_texts_stands_apart(self) -> None:
        other = claim(0.5).model_copy(update={"stand_in": True})
        found = judged(other, OURS)
        assert (found["kind"], found["side"]) == ("stand-in", "")
        count = claim(50.0, "parameters").model_copy(update={"stand_in": True})
        assert judged(count, plain(50))["kind"] == "count"

    def test_of_a_count_is_judged_as_printed(self) -> None:
        equal, other = "shown equal", "not reproduced"
        assert judged(claim(0.2516, "coefficient:x"), plain(0.25164))["verdict"] == equal
        assert judged(claim(0.2516, "coefficient:x"), plain(0.25166))["verdict"] == other
        assert judged(claim(2.0, "coefficient:x"), plain(2.0000003))["verdict"] == equal
        assert judged(claim(50.0, "confusion:a:b"), plain(49))["verdict"] == other

    def test_keeps_its_reason(self) -> None:
        kept = judged(claim(0.95, reason="other split", erratum="misprint"), OURS)
        assert (kept["reason"], kept["erratum"]) == ("other split", "misprint")

    def test_on_a_figure_that_is_not_there_names_the_nearest(self) -> None:
        with pytest.raises(BadPipeline, match="Did you mean 'accuracy'"):
            all_judged([claim(0.9, "acuracy")], {"main": {"accuracy": OURS}})

    def test_on_folds_that_are_not_there_names_the_section(self) -> None:
        with pytest.raises(BadPipeline, match="section 'cross_validation'"):
            all_judged([claim(0.9, "cv_accuracy")], {"main": {"accuracy": OURS}})


class TestAGate:
    def test_holds_or_not(self) -> None:
        gates = Gates(beat=["majority", "SVC"], metrics={"accuracy": ">= 0.9", "loss": "< 0.1"})
        comparisons = [
            {"name": "majority", "difference": {"verdict": "better", "value": 0.3}},
            {"name": "SVC", "difference": {"verdict": "not shown", "value": 0.01}},
        ]
        found = gated(gates, {"accuracy": OURS, "loss": plain(0.2)}, comparisons)
        assert [gate["holds"] for gate in found] == [True, False, True, False]

    def test_holds_at_the_end_of_the_interval(self) -> None:
        gates = Gates(metrics={"lower(accuracy)": ">= 0.9", "upper(accuracy)": "<= 0.95"})
        found = gated(gates, {"accuracy": OURS}, [])
        assert [(gate["value"], gate["holds"]) for gate in found] == [(0.85, False), (0.94, True)]

    def test_on_a_limit_needs_one(self) -> None:
        gates = Gates(metrics={"lower(accuracy)": ">= 0.9"})
        with pytest.raises(BadPipeline, match="training rows have none"):
            gated(gates, {"accuracy": plain(0.95)}, [])


class TestWhatDecides:
    def pipeline(self, **more: Any) -> Pipeline:
        document = {
            "title": "Which?",
            "task": "binary",
            "source": {"sklearn": "breast_cancer", "licence": "BSD"},
            "target": "target",
            "columns": {"age": {}},
        }
        return Pipeline.model_validate(document | more)

    @pytest.mark.parametrize(
        ("more", "decides"),
        [
            ({}, ("loss", None)),
            ({"gates": {"lower(roc_auc)": ">= 0.7", "accuracy": ">= 0.9"}}, ("roc_auc", None)),
            ({"gates": {"cv_accuracy": ">= 0.9"}}, ("loss", None)),
            ({"compare_by": "f1", "gates": {"accuracy": ">= 0.9"}}, ("f1", None)),
            ({"compare_by": {"metric": "accuracy", "margin": 0.01}}, ("accuracy", 0.01)),
        ],
    )
    def test_is_the_files_figure_then_the_gates(self, more: Any, decides: Any) -> None:
        assert compared_by(self.pipeline(**more)) == decides

    def test_must_be_a_figure_of_the_task(self) -> None:
        (line,) = unknown_metrics(self.pipeline(compare_by="roc-auc"))
        assert "Did you mean 'roc_auc'" in line
        assert not list(unknown_metrics(self.pipeline(gates={"lower(f1)": ">= 0.5"})))


class TestNames:
    @pytest.mark.parametrize("task", list(FIGURES))
    def test_hold_test_training_and_folds(self, task: str) -> None:
        names = metric_names(task)
        first = FIGURES[task][0]
        assert {first, f"train_{first}", f"cv_{first}"} <= set(names)
        assert len(names) == len(set(names))

    @pytest.mark.parametrize(
        ("name", "rises"),
        [
            *[("cv_mae", False), ("train_loss", False), ("mae:SVR", False), ("rmse", False)],
            *[("recall:yes", True), ("r2", True), ("cv_roc_auc", True), ("coefficient:x", None)],
            # Folds have the training's own metrics: which way those are better Keras says.
            *[("cv_AUC", True), ("cv_FalsePositives", None), ("cv_mean_absolute_error", False)],
        ],
    )
    def test_know_the_good_side(self, name: str, rises: bool | None) -> None:
        assert figure_of(name).rises is rises

    @pytest.mark.parametrize("name", ["cv_fnr", "cv_prc", "train_cost:yes", "acuracy"])
    def test_of_the_users_own_have_no_good_side(self, name: str) -> None:
        assert known_figure(name) is None
        with pytest.raises(BadPipeline, match="whose direction is known"):
            figure_of(name)

    @pytest.mark.parametrize("task", list(FIGURES))
    def test_that_claims_may_use_are_all_known(self, task: str) -> None:
        assert None not in map(known_figure, metric_names(task))

    @pytest.mark.parametrize(
        ("more", "metric", "said"),
        [
            ({"metrics": ["AUC"]}, "cv_AUC", ""),
            ({}, "cv_loss", ""),
            ({"metrics": ["AUC"]}, "cv_mae", "no metric 'cv_mae'"),
            ({"metrics": [{"AUC": {"name": "prc"}}]}, "cv_prc", "no metric 'cv_prc'"),
        ],
    )
    def test_of_folds_are_those_that_the_training_measures(
        self, more: dict[str, Any], metric: str, said: str
    ) -> None:
        """A list of them refused `cv_AUC` of `metrics: [AUC]`, and took what no fold measures."""
        claim = {"text": "t", "at": "1", "metric": metric, "value": 0.9}
        for sections in ({"training": more}, {"variants": {"other": {"training": more}}}):
            pipeline = TestWhatDecides().pipeline(**sections, claims=[claim])
            found = list(unknown_metrics(pipeline))
            assert len(found) == bool(said)
            assert said in "".join(found)

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
