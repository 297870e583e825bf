"""What the fitted graph promises: scikit-learn's numbers, training rows only, never NaN."""

from __future__ import annotations

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import BadData, BadPipeline
from throughline.pipeline.problem import PROBLEMS
from throughline.pipeline.schema.columns import Column
from throughline.preprocessing.contract import contract
from throughline.preprocessing.fit import Preprocessing, fit
from throughline.preprocessing.graph.answers import answers
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.plan import plan
from throughline.preprocessing.target import FittedTarget

NUMBERS = st.lists(st.floats(-1e4, 1e4, allow_nan=False, width=32), min_size=3, max_size=30).filter(
    lambda values: np.std(values) > 1e-3
)


def fitted(rows: pd.DataFrame, **columns: dict) -> Preprocessing:
    checked = {name: Column.model_validate(column) for name, column in columns.items()}
    result = fit(rows, plan(rows, checked, None, ["target"]))
    onnx.checker.check_model(result.graph)
    return result


def features(rows: pd.DataFrame, **columns: dict) -> np.ndarray:
    result = fitted(rows, **columns)
    return run(result.graph, rows, result.inputs, result.types)["features"]


class TestScalingEqualsScikitLearn:
    @pytest.mark.parametrize(
        ("scale", "scaler"),
        [("standard", "StandardScaler"), ("minmax", "MinMaxScaler"), ("robust", "RobustScaler")],
    )
    @settings(max_examples=25, deadline=None)
    @given(values=NUMBERS)
    def test_on_any_numbers(self, scale: str, scaler: str, values: list[float]) -> None:
        from sklearn import preprocessing

        column = np.array(values, dtype=np.float64)[:, None]
        if scale == "robust" and np.subtract(*np.percentile(column, [75, 25])) < 1e-3:
            return
        expected = getattr(preprocessing, scaler)().fit_transform(column)
        received = features(pd.DataFrame({"x": column.ravel()}), x={"scale": scale})
        # float32 holds seven digits; the spread is the unit of the result.
        bound = 1e-5 * max(1.0, np.abs(column).max() / column.std())
        np.testing.assert_allclose(received, expected, atol=bound, rtol=1e-4)

    def test_mean_scaling_is_the_text_s_formula(self) -> None:
        values = np.array([1.0, 5.0, 2.0, 10.0])
        received = features(pd.DataFrame({"x": values}), x={"scale": "mean"})
        np.testing.assert_allclose(received[:, 0], (values - 4.5) / 9, rtol=1e-6)

    def test_constants_are_taken_as_written(self) -> None:
        scale = {"constant": {"subtract": 10, "divide": 4}}
        received = features(pd.DataFrame({"x": [10.0, 14.0]}), x={"scale": scale})
        assert received.ravel().tolist() == [0.0, 1.0]


class TestOneHot:
    def test_equals_scikit_learn_for_strings_and_numbers(self) -> None:
        from sklearn.preprocessing import OneHotEncoder

        rows = pd.DataFrame({"town": ["b", "a", "c", "a"], "size": [3, 1, 3, 2]})
        expected = OneHotEncoder().fit_transform(rows).toarray()
        one_hot = {"encode": "one-hot"}
        assert (features(rows, town=one_hot, size=one_hot) == expected).all()

    def test_an_unknown_category_has_no_feature(self) -> None:
        result = fitted(pd.DataFrame({"town": ["b", "a"]}), town={"encode": "one-hot"})
        unknown = run(result.graph, pd.DataFrame({"town": ["z"]}), result.inputs, result.types)[
            "features"
        ]
        assert unknown.tolist() == [[0.0, 0.0]]

    def test_a_bucket_takes_what_the_list_leaves_out(self) -> None:
        encode = {"one-hot": {"categories": ["a"], "unknown": "bucket"}}
        rows = pd.DataFrame({"town": ["b", "a", "c"]})
        result = fitted(rows, town={"encode": encode})
        assert result.features["features"] == ["town=a", "town=unknown"]
        assert run(result.graph, rows, result.inputs, result.types)["features"].tolist() == [
            [0, 1],
            [1, 0],
            [0, 1],
        ]

    def test_texts_beyond_ascii_are_categories_too(self) -> None:
        rows = pd.DataFrame({"town": ["Zürich", "東京", "Zürich"]})
        assert features(rows, town={"encode": "one-hot"}).tolist() == [[1, 0], [0, 1], [1, 0]]


class TestOtherEncodings:
    def test_ordinal_is_the_position_in_the_list(self) -> None:
        rows = pd.DataFrame({"salary": ["high", "low", "medium"]})
        ordinal = {"encode": {"ordinal": ["low", "medium", "high"]}}
        assert features(rows, salary=ordinal).ravel().tolist() == [2, 0, 1]

    def test_ordinal_refuses_a_category_it_does_not_list(self) -> None:
        rows = pd.DataFrame({"salary": ["huge", "low"]})
        with pytest.raises(BadData, match="huge"):
            fitted(rows, salary={"encode": {"ordinal": ["low", "medium"]}})

    def test_boolean_marks_one_value(self) -> None:
        rows = pd.DataFrame({"sex": ["f", "m", "f"]})
        assert features(rows, sex={"encode": {"boolean": "f"}}).ravel().tolist() == [1, 0, 1]

    def test_true_and_false_are_one_and_zero(self) -> None:
        assert features(pd.DataFrame({"x": [True, False]}), x={}).ravel().tolist() == [1, 0]


class TestDerivedColumns:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("sum", [5, 7]), ("difference", [-3, -3]), ("product", [4, 10]), ("ratio", [0.25, 0.4])],
    )
    def test_arithmetic_of_two_columns(self, kind: str, expected: list[float]) -> None:
        rows = pd.DataFrame({"a": [1.0, 2.0], "b": [4.0, 5.0]})
        received = features(rows, c={"derive": {kind: ["a", "b"]}})
        np.testing.assert_allclose(received.ravel(), expected, rtol=1e-6)

    def test_equals_makes_a_flag(self) -> None:
        rows = pd.DataFrame({"sex": ["male", "female"]})
        derive = {"equals": {"of": ["sex"], "to": "female"}}
        assert features(rows, is_female={"derive": derive}).ravel().tolist() == [0, 1]

    def test_matches_counts_a_pattern(self) -> None:
        rows = pd.DataFrame({"sms": ["FREE! call 0800", "freedom", "", "free free 1"]})
        free = {"derive": {"matches": {"of": ["sms"], "to": r"\bfree\b"}}}
        digits = {"derive": {"matches": {"of": ["sms"], "to": "[0-9]"}}}
        received = features(rows, free=free, digits=digits)
        assert received.tolist() == [[1, 4], [0, 0], [0, 0], [2, 1]]


class TestMissingValues:
    def test_a_missing_number_is_refused_unless_the_file_fills_it(self) -> None:
        rows = pd.DataFrame({"age": [1.0, np.nan, 3.0]})
        with pytest.raises(BadData, match=r"'age'.*1 of 3 \(rows 1\).*impute"):
            fitted(rows, age={})

    @pytest.mark.parametrize(
        ("impute", "fill"),
        [("mean", 3.0), ("median", 2.0), ("most-frequent", 1.0), ({"constant": -1}, -1.0)],
    )
    def test_each_way_of_filling(self, impute: object, fill: float) -> None:
        rows = pd.DataFrame({"age": [1.0, 1.0, 2.0, 2.5, 8.5, np.nan]})
        assert features(rows, age={"impute": impute})[-1, 0] == pytest.approx(fill, abs=1e-6)

    def test_a_number_can_stand_for_missing(self) -> None:
        rows = pd.DataFrame({"glucose": [0, 100, 120]})
        received = features(rows, glucose={"missing": [0], "impute": "mean"})
        assert received.ravel().tolist() == [110, 100, 120]

    def test_a_missing_text_is_filled(self) -> None:
        rows = pd.DataFrame({"port": ["S", None, "C", "S"]})
        received = features(rows, port={"impute": "most-frequent", "encode": "one-hot"})
        assert received.tolist() == [[0, 1], [0, 1], [1, 0], [0, 1]]

    def test_a_missing_text_is_refused_unless_the_file_fills_it(self) -> None:
        with pytest.raises(BadData, match="'port' is missing in 1 of 2"):
            fitted(pd.DataFrame({"port": ["S", None]}), port={"encode": "one-hot"})

    @settings(max_examples=30, deadline=None)
    @given(
        values=st.lists(
            st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)), min_size=4, max_size=20
        )
    )
    def test_features_are_finite_or_the_data_are_refused(self, values: list[float | None]) -> None:
        rows = pd.DataFrame({"x": np.array(values, dtype=np.float64)})
        column = {"impute": "median", "clip": [0, 1e5], "log": "plus-one", "scale": "standard"}
        try:
            received = features(rows, x=column)
        except BadData:
            return
        assert np.isfinite(received).all()


class TestWhatCannotBeFitted:
    @pytest.mark.parametrize("scale", ["standard", "minmax", "mean", "robust"])
    def test_a_constant_column(self, scale: str) -> None:
        with pytest.raises(BadData, match=r"'x' cannot be scaled.*spread.*Leave the column out"):
            fitted(pd.DataFrame({"x": [3.3e7, 3.3e7, 3.3e7]}), x={"scale": scale})

    def test_the_logarithm_of_a_negative_number(self) -> None:
        with pytest.raises(BadData, match=r"has no logarithm in 1 of 2 \(rows 0\)"):
            fitted(pd.DataFrame({"x": [-1.0, 2.0]}), x={"log": "natural"})

    def test_texts_without_an_encoding(self) -> None:
        with pytest.raises(BadData, match=r"'x' must hold numbers.*encode: one-hot"):
            fitted(pd.DataFrame({"x": ["1", "2", "three"]}), x={})

    def test_a_column_that_is_not_there_names_the_nearest(self) -> None:
        with pytest.raises(BadPipeline, match="Did you mean 'height'"):
            fitted(pd.DataFrame({"height": [1.0, 2.0]}), heigth={})


class TestPatternsAndInputs:
    def test_a_pattern_names_every_column_in_the_order_of_the_rows(self) -> None:
        rows = pd.DataFrame({"p_1": [1.0], "p_0": [2.0], "q": [3.0]})
        result = fitted(rows, **{"p_*": {}})
        assert result.features["features"] == ["p_1", "p_0"]

    def test_an_input_has_a_name_that_no_column_has(self) -> None:
        rows = pd.DataFrame({"features": [1.0, 2.0], "b": [3.0, 4.0]})
        columns = {key: Column() for key in rows}
        with pytest.raises(BadPipeline, match=r"'b'.*'b_input'"):
            plan(rows, columns, {"b": ["features", "b"]}, [])
        assert list(plan(rows, columns, None, []).inputs) == ["features_input"]

    def test_several_network_inputs(self) -> None:
        rows = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0], "c": ["x", "y"]})
        columns = {"a": Column(), "b": Column(), "c": Column.model_validate({"encode": "one-hot"})}
        resolved = plan(rows, columns, {"numbers": ["a", "b"], "place": ["c"]}, [])
        result = fit(rows, resolved)
        arrays = run(result.graph, rows, result.inputs, result.types)
        assert arrays["numbers"].tolist() == [[1, 3], [2, 5]]
        assert arrays["place"].tolist() == [[1, 0], [0, 1]]

    def test_neighbours_with_the_same_steps_share_their_nodes(self) -> None:
        generator = np.random.default_rng(0)
        rows = pd.DataFrame({f"p_{i}": generator.normal(size=9) for i in range(64)})
        result = fitted(rows, **{"p_*": {"scale": "standard"}})
        assert len(result.graph.graph.node) <= 4


class TestTrainingRowsOnly:
    def test_other_rows_do_not_move_the_graph(self) -> None:
        rows = pd.DataFrame({"x": [1.0, 2.0, 4.0, 8.0], "c": ["a", "b", "a", "b"]})
        columns = {"x": {"scale": "standard"}, "c": {"encode": "one-hot"}}
        before = fitted(rows.head(3), **columns).graph.SerializeToString(deterministic=True)
        rows.loc[3] = [1e9, "z"]
        after = fitted(rows.head(3), **columns).graph.SerializeToString(deterministic=True)
        assert before == after


class TestTheContractOfARawColumn:
    def test_follows_from_what_is_made_of_it(self) -> None:
        rows = pd.DataFrame({"p_1": [1.0, np.nan], "p_2": [3.0, 4.0], "town": ["a", "b"]})
        columns = {
            "p_*": Column.model_validate({"impute": "mean", "unit": "cm"}),
            "town": Column.model_validate({"encode": {"ordinal": ["a", "b"]}}),
            "both": Column.model_validate({"derive": {"sum": ["p_1", "p_2"]}, "impute": "mean"}),
        }
        entries = {entry["name"]: entry for entry in contract(rows, plan(rows, columns, None, []))}
        assert entries["p_1"]["may_be_missing"] and entries["p_1"]["unit"] == "cm"
        assert entries["p_1"]["missing"] == 0.5
        assert not entries["town"]["may_be_missing"]
        assert entries["town"]["closed"] and set(entries["town"]["categories"]) == {"a", "b"}


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression", "proportion"])
def test_the_answers_of_a_graph_are_those_that_the_problem_names(task: str) -> None:
    classes = ["no", "yes"] if PROBLEMS[task].classifies else None
    graph = answers(FittedTarget(task, ["y"], classes, 1.0, 2.0, ""), "output").graph
    assert {value.name for value in graph.output} == set(PROBLEMS[task].answers)
