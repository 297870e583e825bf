"""Categories of many levels: scikit-learn's numbers, and out of fold for training rows."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from throughline.errors import BadData, BadPipeline
from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.protocol import Split
from throughline.pipeline.schema.targets import Target
from throughline.preprocessing.arrays import arrays
from throughline.preprocessing.contract import contract
from throughline.preprocessing.fit import Preprocessing, fit
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.plan import plan
from throughline.preprocessing.target import fit_target
from throughline.samples.supervision import Supervision

SMOOTH = st.one_of(st.just("auto"), st.floats(0, 50))
LEVELS = st.text("abcé 日", min_size=1, max_size=3)


def fitted(rows: pd.DataFrame, task: str, split: Split | None = None, **columns: Any) -> Any:
    checked = {name: Column.model_validate(column) for name, column in columns.items()}
    planned = plan(rows, checked, None, ["y"])
    target = fit_target(rows, Target(columns=["y"]), task)
    supervision = Supervision(target, split or Split())
    result = fit(rows, planned, supervision=supervision)
    onnx.checker.check_model(result.graph)
    return result


def answered(result: Preprocessing, rows: pd.DataFrame) -> np.ndarray:
    return run(result.graph, rows, result.inputs, result.types)["features"]


def served(level: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Rows of a model: known, unknown and missing levels."""
    return st.lists(st.one_of(st.none(), level), min_size=1, max_size=12)


@st.composite
def tables(draw: Any, task: str, level: st.SearchStrategy[Any]) -> tuple[pd.DataFrame, list[Any]]:
    values = {
        "binary": st.sampled_from([0, 1]),
        "multiclass": st.sampled_from(["a", "b", "c"]),
        "regression": st.floats(-100, 100, width=32),
    }[task]
    cells = draw(st.lists(st.tuples(st.one_of(st.none(), level), values), min_size=8, max_size=40))
    levels, answers = map(list, zip(*cells, strict=True))
    levels[0] = draw(level)
    for place, one in enumerate({"binary": [0, 1], "multiclass": ["a", "b", "c"]}.get(task, [])):
        answers[place] = one
    return pd.DataFrame({"city": levels, "y": answers}), draw(served(level))


def of_scikit_learn(rows: pd.DataFrame, task: str, smooth: Any, split: Split) -> Any:
    """TargetEncoder of the same folds, and its out-of-fold encodings."""
    from sklearn.model_selection import GroupKFold
    from sklearn.preprocessing import TargetEncoder

    folds = GroupKFold(min(5, len(rows)), shuffle=True, random_state=split.seed)
    pairs = list(folds.split(rows, groups=np.arange(len(rows))))
    kind = "continuous" if task == "regression" else task
    encoder = TargetEncoder(smooth=smooth, cv=pairs, target_type=kind)
    return encoder, encoder.fit_transform(cells(rows["city"].tolist()), rows["y"].to_numpy())


def cells(values: list[Any]) -> np.ndarray:
    found = np.array([None if v is None or v != v else v for v in values], dtype=object)
    return found[:, None]


class TestTheTargetsMean:
    @pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
    @settings(max_examples=30, deadline=None)
    @given(data=st.data())
    def test_equals_scikit_learn(self, task: str, data: Any) -> None:
        rows, asked = data.draw(tables(task, LEVELS))
        smooth = data.draw(SMOOTH)
        result = fitted(rows, task, city={"encode": {"target": {"smooth": smooth}}})
        encoder, out_of_fold = of_scikit_learn(rows, task, smooth, Split())
        expected = encoder.transform(cells(asked))
        frame = pd.DataFrame({"city": pd.Series(asked, dtype="str")})
        np.testing.assert_allclose(answered(result, frame), expected, rtol=1e-4, atol=1e-4)
        trained = arrays(result, rows)["features"]
        np.testing.assert_allclose(trained, out_of_fold, rtol=1e-4, atol=1e-4)

    @settings(max_examples=30, deadline=None)
    @given(data=st.data())
    def test_of_numbers_that_are_codes(self, data: Any) -> None:
        codes = st.sampled_from([-3.0, 0.0, 1.0, 2.5, 10115.0])
        rows, asked = data.draw(tables("binary", codes))
        result = fitted(rows, "binary", city={"encode": "target"})
        encoder, _ = of_scikit_learn(rows, "binary", "auto", Split())
        frame = pd.DataFrame({"city": pd.Series(asked, dtype="float64")})
        expected = encoder.transform(cells(asked))
        np.testing.assert_allclose(answered(result, frame), expected, rtol=1e-5, atol=1e-6)

    def test_of_rows_that_are_not_trained_on_is_the_graph_s(self) -> None:
        rows = pd.DataFrame({"city": list("aab") * 10, "y": [1, 0, 0, 1, 1, 0] * 5})
        training = np.arange(15)
        result = fitted(rows.iloc[training], "binary", city={"encode": "target"})
        found = arrays(result, rows, training=training)["features"]
        given_ = answered(result, rows)
        assert (found[15:] == given_[15:]).all()
        assert (found[:15] == result.out_of_fold["features"][0][1]).all()
        assert (found[:15] != given_[:15]).any()

    def test_has_a_value_a_class(self) -> None:
        rows = pd.DataFrame({"city": list("aabbcc" * 4), "y": ["x", "y", "z"] * 8})
        result = fitted(rows, "multiclass", city={"encode": "target"})
        assert result.features["features"] == ["city:x", "city:y", "city:z"]

    def test_is_scaled_by_what_the_graph_gives(self) -> None:
        rows = pd.DataFrame({"city": list("aabbbc" * 4), "y": np.arange(24.0) * 1000})
        result = fitted(rows, "regression", city={"encode": "target", "scale": "standard"})
        found = answered(result, rows)
        assert abs(found.mean()) < 1e-5
        assert found.std() == pytest.approx(1, abs=1e-5)

    def test_a_group_is_not_told_by_its_own_rows(self) -> None:
        people = np.repeat(np.arange(10), 4)
        rows = pd.DataFrame({"city": people.astype(str), "person": people, "y": people % 2})
        split = Split(kind="grouped", column="person")
        result = fitted(rows, "binary", split, city={"encode": "target"})
        # No row of the same person is known, so all that is left is the mean of the others.
        assert arrays(result, rows)["features"].std() < 0.1

    def test_needs_a_target(self) -> None:
        rows = pd.DataFrame({"city": ["a", "b"]})
        columns = {"city": Column.model_validate({"encode": "target"})}
        with pytest.raises(BadPipeline, match=r"city.*target in each row"):
            fit(rows, plan(rows, columns, None, []))

    def test_of_one_group_is_refused(self) -> None:
        rows = pd.DataFrame({"city": ["a", "b"], "person": 1, "y": [0, 1]})
        split = Split(kind="grouped", column="person")
        with pytest.raises(BadData, match="beside a row's own"):
            fitted(rows, "binary", split, city={"encode": "target"})

    def test_says_nothing_of_noise(self) -> None:
        generator = np.random.default_rng(0)
        rows = pd.DataFrame(
            {"city": generator.integers(0, 500, 2000).astype(str), "y": np.arange(2000) % 2}
        )
        result = fitted(rows, "binary", city={"encode": "target"})

        def apart(found: np.ndarray) -> float:
            """The correlation of the feature with the target."""
            return float(np.corrcoef(found.ravel(), rows["y"])[0, 1])

        assert apart(answered(result, rows)) > 0.3
        assert abs(apart(arrays(result, rows)["features"])) < 0.06


class TestFrequency:
    @settings(max_examples=30, deadline=None)
    @given(data=st.data())
    def test_is_the_share_of_the_training_rows(self, data: Any) -> None:
        rows, asked = data.draw(tables("binary", LEVELS))
        result = fitted(rows, "binary", city={"encode": "frequency"})
        shares = rows["city"].fillna("").value_counts(normalize=True)
        expected = [shares.get(value or "", 0.0) for value in asked]
        frame = pd.DataFrame({"city": pd.Series(asked, dtype="str")})
        np.testing.assert_allclose(answered(result, frame)[:, 0], expected, rtol=1e-6)
        assert result.out_of_fold == {}


class TestHash:
    @settings(max_examples=30, deadline=None)
    @given(asked=served(st.text(max_size=20)), buckets=st.integers(2, 70))
    def test_equals_scikit_learn(self, asked: list[Any], buckets: int) -> None:
        from sklearn.feature_extraction import FeatureHasher

        rows = pd.DataFrame({"city": ["a", "b"], "y": [0, 1]})
        result = fitted(rows, "binary", city={"encode": {"hash": {"buckets": buckets}}})
        texts = [value or "" for value in asked]
        hasher = FeatureHasher(buckets, input_type="string")
        expected = hasher.transform([[text] if text else [] for text in texts]).toarray()
        frame = pd.DataFrame({"city": pd.Series(texts, dtype="str")})
        assert (answered(result, frame) == expected).all()

    def test_keeps_no_level(self) -> None:
        levels = [f"level {number}" for number in range(5000)]
        rows = pd.DataFrame({"city": levels, "y": np.arange(5000) % 2})
        result = fitted(rows, "binary", city={"encode": {"hash": {"buckets": 16}}})
        assert len(result.graph.SerializeToString()) < 4000

    def test_of_numbers_is_refused(self) -> None:
        rows = pd.DataFrame({"city": [1.0, 2.0], "y": [0, 1]})
        with pytest.raises(BadPipeline, match=r"needs texts.*source\.read\.types"):
            fitted(rows, "binary", city={"encode": {"hash": {"buckets": 16}}})


class TestIds:
    def test_are_the_order_of_frequency_and_0_for_the_rest(self) -> None:
        rows = pd.DataFrame({"city": [*"aaabbccd", None, None], "y": [0, 1] * 5})
        result = fitted(rows, "binary", city={"encode": {"ids": {"size": 3}}})
        asked = pd.DataFrame({"city": ["a", "b", "c", "d", "z", None]})
        found = answered(result, asked)
        assert found.dtype == np.int32
        assert found.ravel().tolist() == [1, 2, 3, 0, 0, 0]

    def test_of_levels_that_are_all_rare_are_refused(self) -> None:
        rows = pd.DataFrame({"city": ["a", "b"], "y": [0, 1]})
        with pytest.raises(BadData, match="minimum_count"):
            fitted(rows, "binary", city={"encode": {"ids": {"size": 3}}})


class TestOneHot:
    @pytest.mark.parametrize("unknown", ["zeros", "bucket"])
    def test_of_many_levels_is_looked_up_and_equals_few(self, unknown: str) -> None:
        levels = [f"level {number}" for number in range(40)]
        rows = pd.DataFrame({"city": levels * 2, "y": [0, 1] * 40})
        encode = {"one-hot": {"categories": levels, "unknown": unknown}}
        result = fitted(rows, "binary", city={"encode": encode})
        found = answered(result, pd.DataFrame({"city": ["level 39", "level 0", "none"]}))
        expected = np.zeros_like(found)
        expected[[0, 1], [39, 0]] = 1
        if unknown == "bucket":
            expected[2, 40] = 1
        assert (found == expected).all()
        assert "Equal" not in {node.op_type for node in result.graph.graph.node}

    def test_ordinal_of_many_levels_is_looked_up(self) -> None:
        levels = [f"level {number}" for number in range(40)]
        rows = pd.DataFrame({"city": levels, "y": [0, 1] * 20})
        result = fitted(rows, "binary", city={"encode": {"ordinal": levels}})
        found = answered(result, pd.DataFrame({"city": ["level 39", "level 0", "none"]}))
        assert found.ravel().tolist() == [39, 0, -1]

    def test_takes_no_longer_with_more_levels(self) -> None:
        def seconds(count: int) -> float:
            levels = [f"level {number}" for number in range(count)]
            rows = pd.DataFrame({"city": (levels * 20000)[:20000], "y": [0, 1] * 10000})
            result = fitted(rows, "binary", city={"encode": "target"})
            best = []
            for _ in range(3):
                began = time.process_time()
                answered(result, rows)
                best.append(time.process_time() - began)
            return min(best)

        # Comparing texts level by level took 40 times as long.
        assert seconds(4000) < 4 * seconds(100)


class TestTheFile:
    @pytest.mark.parametrize(
        ("encode", "said"),
        [
            ({"hash": {}}, "buckets"),
            ({"ids": {}}, "size"),
            ({"frequency": {"smooth": 3.0}}, "'smooth' has a meaning for 'target' only"),
            ({"target": {"buckets": 3}}, "'buckets' has a meaning for 'hash' only"),
        ],
    )
    def test_a_setting_without_effect_is_refused(self, encode: Any, said: str) -> None:
        with pytest.raises(ValidationError, match=said):
            Column.model_validate({"encode": encode})

    def test_a_missing_level_has_an_answer(self) -> None:
        rows = pd.DataFrame({"city": ["a", "b"], "y": [0, 1]})
        columns = {"city": Column.model_validate({"encode": "frequency"})}
        (entry,) = contract(rows, plan(rows, columns, None, ["y"]))
        assert entry["may_be_missing"]
