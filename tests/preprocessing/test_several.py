"""Several targets side by side are each what a pipeline of that one would have."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.pipeline.problem import PROBLEMS
from throughline.pipeline.schema.targets import Target
from throughline.pipeline.several_targets import TASKS, answer
from throughline.preprocessing.graph.answers import answers, several_answers
from throughline.preprocessing.graph.runtime import session_of
from throughline.preprocessing.several import FittedSeveral, several_of
from throughline.preprocessing.target import fit_target

COUNT = 12
SCALES = st.sampled_from([None, {"kind": "standard"}, {"kind": "minmax"}])


@st.composite
def targets(draw: st.DrawFn) -> tuple[pd.DataFrame, FittedSeveral]:
    """Rows of two to five targets of any task, each fitted on them."""
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    rows: dict[str, Any] = {}
    fitted = {}
    tasks = draw(st.lists(st.sampled_from(list(TASKS)), min_size=2, max_size=5))
    for number, task in enumerate(tasks):
        several = task in ("multilabel", "regression") and draw(st.booleans())
        columns = [f"column{number}{end}" for end in ("ab" if several else "a")]
        for column in columns:
            if task in ("binary", "multiclass"):
                classes = ["x", "y", "z"][: 2 if task == "binary" else 3]
                rows[column] = [*classes, *generator.choice(classes, COUNT - len(classes))]
            elif task == "multilabel":
                rows[column] = generator.integers(0, 2, COUNT)
            else:
                rows[column] = generator.random(COUNT) * (100 if task == "regression" else 1)
        target = Target(columns=columns, scale=draw(SCALES) if task == "regression" else None)
        fitted[f"t{number}"] = fit_target(pd.DataFrame(rows), target, task)
    return pd.DataFrame(rows), FittedSeveral(fitted)


@settings(deadline=None, max_examples=40)
@given(targets())
def test_each_has_its_own_columns(made: tuple[pd.DataFrame, FittedSeveral]) -> None:
    rows, several = made
    array = several.array(rows)
    assert array.dtype == np.float32 and len(array) == COUNT
    for name, part in several.parts.items():
        own = several.own(array, name)
        expected = part.array(rows)
        assert own.dtype == expected.dtype
        np.testing.assert_array_equal(own, expected)
    assert several_of(several.as_json()) == several.parts
    assert list(several_of(several.as_json())) == list(several.parts)


@settings(deadline=None, max_examples=15)
@given(targets(), st.integers(0, 99))
def test_each_answers_as_it_would_alone(
    made: tuple[pd.DataFrame, FittedSeveral], seed: int
) -> None:
    _, several = made
    output = np.random.default_rng(seed).random((4, several.units)).astype(np.float32)
    graph = several_answers(several, "output")
    onnx.checker.check_model(graph)
    session = session_of(graph)
    names = [each.name for each in session.get_outputs()]
    found = dict(zip(names, session.run(names, {"output": output}), strict=True))
    first, expected = 0, []
    for name, part in several.parts.items():
        own = session_of(answers(part, "output"))
        given = output[:, first : first + part.units]
        first += part.units
        plain_names = list(PROBLEMS[part.task].answers)
        for plain, array in zip(plain_names, own.run(plain_names, {"output": given}), strict=True):
            expected.append(answer(name, plain))
            np.testing.assert_array_equal(found[expected[-1]], array)
    assert names == expected
