"""Test parts of any size and kind give figures within their limits, never a traceback."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.drift.measures import Limits, drifts
from throughline.evaluation.compare.champion import judged
from throughline.evaluation.intervals.clusters import ClusterResamples
from throughline.evaluation.intervals.resamples import Resamples
from throughline.evaluation.measure.calibration import calibration, roc
from throughline.evaluation.measure.difference import Choice, difference
from throughline.evaluation.measure.evaluated import figure_of
from throughline.evaluation.measure.measure import measured, scored
from throughline.evaluation.outcome import Outcome

SHAPES = st.sampled_from(["random", "one class", "right", "wrong", "tied"])


def of_classes(seed: int, rows: int, classes: int, shape: str) -> Outcome:
    generator = np.random.default_rng(seed)
    actual = generator.integers(classes, size=rows)
    if shape == "one class":
        actual[:] = classes - 1
    table = generator.dirichlet(np.ones(classes), rows)
    if shape == "tied":
        table[:] = 1 / classes
    if shape in ("right", "wrong"):
        table = np.eye(classes)[(actual + (shape == "wrong")) % classes]
    task = "binary" if classes == 2 else "multiclass"
    names = tuple(f"c{number}" for number in range(classes))
    return Outcome(task, actual, table.argmax(axis=1), table, names)


def of_numbers(seed: int, rows: int, shape: str) -> Outcome:
    generator = np.random.default_rng(seed)
    actual = generator.normal(size=(rows, 1))
    if shape == "one class":
        actual[:] = 3.0
    errors = generator.normal(size=(rows, 1)) * (0 if shape == "right" else 1)
    predicted = actual + errors + (100 if shape == "wrong" else 0)
    return Outcome("regression", actual, predicted, None, ("y",))


def check(outcome: Outcome, draws: Resamples) -> None:
    for name, figure in measured(outcome, draws).items():
        limits = figure_of(name).limits
        assert np.isfinite(figure["value"])
        if figure["low"] is None or figure["high"] is None:
            continue
        assert np.isfinite([figure["low"], figure["high"]]).all()
        assert limits.low <= figure["low"] <= figure["value"] <= figure["high"] <= limits.high, name
        # Nothing that was measured on a handful of rows is certain.
        assert figure["high"] > figure["low"], name


class TestFigures:
    @settings(max_examples=60, deadline=None)
    @given(
        st.integers(0, 999), st.integers(1, 12), st.sampled_from([2, 3, 10, 200]), SHAPES,
        st.booleans(),
    )  # fmt: skip
    def test_of_classes(
        self, seed: int, rows: int, classes: int, shape: str, grouped: bool
    ) -> None:
        outcome = of_classes(seed, rows, classes, shape)
        # Groups of very unequal size, often all rows in one.
        groups = np.minimum(np.arange(rows), seed % 4)
        check(outcome, ClusterResamples(groups) if grouped else Resamples(rows))
        assert calibration(outcome) is not None
        if classes == 2:
            roc(outcome)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 999), st.integers(1, 12), SHAPES, st.booleans())
    def test_of_numbers(self, seed: int, rows: int, shape: str, grouped: bool) -> None:
        outcome = of_numbers(seed, rows, shape)
        groups = np.minimum(np.arange(rows), seed % 4)
        check(outcome, ClusterResamples(groups) if grouped else Resamples(rows))


class TestComparisons:
    @settings(max_examples=60, deadline=None)
    @given(
        st.integers(0, 999), st.integers(1, 8), st.sampled_from([0, 2, 3]), SHAPES, SHAPES,
        st.booleans(),
    )  # fmt: skip
    def test_have_a_verdict(
        self, seed: int, rows: int, classes: int, ours: str, theirs: str, grouped: bool
    ) -> None:
        pair = [
            of_classes(seed, rows, classes, shape) if classes else of_numbers(seed, rows, shape)
            for shape in (ours, theirs)
        ]
        same = Outcome(**{**vars(pair[1]), "actual": pair[0].actual})
        groups = np.minimum(np.arange(rows), seed % 4)
        draws = ClusterResamples(groups) if grouped else Resamples(rows)
        for metric in scored(pair[0]):
            found = difference(pair[0], same, draws, Choice(metric, 0.01))
            if found["low"] is None:
                assert found["verdict"] == "not shown"
            else:
                assert found["low"] <= found["value"] + 1e-12
                assert found["value"] <= found["high"] + 1e-12
                assert np.isfinite([found["low"], found["high"], found["detectable"]]).all()
            if rows == 1:
                assert found["verdict"] == "not shown"
            assert found["verdict"] in ("better", "worse", "equal", "not shown")
            again = judged([pair[0], pair[0]], same, draws, Choice(metric), 3)
            assert again["verdict"] in ("better", "worse", "equal", "not shown")


NUMBER = {
    "name": "x", "type": "number", "missing": 0.1,
    "deciles": [float(i) for i in range(11)], "at_or_below": [i / 10 for i in range(11)],
}  # fmt: skip
WORD = {"name": "w", "type": "string", "missing": 0.0, "categories": {"a": 0.7, "b": 0.3}}


class TestDrift:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=20),
        st.integers(1, 5000),
    )
    def test_of_any_column_has_chances(self, values: list[float | None], trained: int) -> None:
        words = ["a" if value is None else str(value) for value in values]
        columns = [np.array(values, dtype=object), np.array(words, dtype=object)]
        for drift in drifts([NUMBER, WORD], columns, Limits(), trained):
            assert all(0 <= chance <= 1 for chance in drift.chances.values())
            assert np.isfinite(list(drift.measures.values())).all()

    @pytest.mark.parametrize("rows", [1, 5, 1000])
    def test_of_a_column_that_is_all_missing_is_said(self, rows: int) -> None:
        empty = np.full(rows, None, dtype=object)
        (found,) = drifts([NUMBER], [empty], Limits(), 1000)
        assert found.measures["missing"] == pytest.approx(0.9)
        assert ("missing" in found.beyond) == (rows > 1)
