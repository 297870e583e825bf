"""The features as the target: what training compares with is what the network was given."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.columns import Column
from throughline.preprocessing.fit import fit
from throughline.preprocessing.graph.answers import reconstruction
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.graph.runtime import session_of
from throughline.preprocessing.plan import plan
from throughline.preprocessing.reconstruction import FittedReconstruction, fit_reconstruction

SCALES: list[Any] = [None, "standard", "minmax", "robust", {"constant": {"divide": 7}}]
VALUES = st.floats(-1e6, 1e6, allow_nan=False, width=32)


@st.composite
def tables(draw: Any) -> tuple[pd.DataFrame, dict[str, Column]]:
    count = draw(st.integers(4, 12))
    columns, values = {}, {}
    for name in ("a", "b", "c")[: draw(st.integers(1, 3))]:
        section: dict[str, Any] = {"scale": draw(st.sampled_from(SCALES))}
        held = draw(st.lists(VALUES, min_size=count, max_size=count, unique=True))
        if draw(st.booleans()):
            section |= {"impute": "mean", "missing": [-1]}
            held[0] = draw(st.sampled_from([float("nan"), -1.0]))
        if draw(st.booleans()):
            section["clip"] = [-2e6, 2e6]
        columns[name] = Column.model_validate(
            {key: value for key, value in section.items() if value is not None}
        )
        values[name] = held
    return pd.DataFrame(values), columns


@settings(max_examples=30, deadline=None)
@given(tables())
def test_are_what_the_graph_gives_the_network_to_the_last_bit(
    table: tuple[pd.DataFrame, dict[str, Column]],
) -> None:
    rows, columns = table
    planned = plan(rows, columns, None, [])
    try:
        fitted, target = fit(rows, planned), fit_reconstruction(rows, planned)
    except BadData:
        # A spread that float64 cannot tell from none.
        return
    kinds = dict.fromkeys(columns, "number")
    features = run(fitted.graph, rows, kinds, dict(fitted.types))["features"]
    again = FittedReconstruction.from_json(json.loads(json.dumps(target.as_json())))
    np.testing.assert_array_equal(again.array(rows), features)
    assert again.columns == list(columns) == list(fitted.features["features"])


def test_are_answered_in_their_own_units_beside_the_error() -> None:
    rows = pd.DataFrame({"a": [1.0, 2.0, 6.0], "b": [100.0, 300.0, 200.0]})
    columns = {name: Column.model_validate({"scale": "standard"}) for name in rows}
    target = fit_reconstruction(rows, plan(rows, columns, None, []))
    given = target.array(rows)
    answer = given + np.float32([[0.0, 0.0], [1.0, 0.0], [-2.0, 4.0]])
    session = session_of(reconstruction(target, "output", "features"))
    prediction, error = session.run(None, {"output": answer, "features": given})
    own = answer * rows.to_numpy().std(axis=0) + rows.to_numpy().mean(axis=0)
    np.testing.assert_allclose(prediction, own, rtol=1e-5)
    np.testing.assert_allclose(error, [0.0, 0.5, 10.0], rtol=1e-5)


def test_a_missing_value_that_nothing_fills_is_told() -> None:
    rows = pd.DataFrame({"a": [1.0, np.nan, 6.0]})
    with pytest.raises(BadData, match="Column 'a' must be a number in every training row"):
        fit_reconstruction(rows, plan(rows, {"a": Column()}, None, []))
