"""Rows are answered a few at a time, by several threads that stay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from throughline.serving.chunks import ROWS_A_CALL, answered

ROWS = 5 * ROWS_A_CALL + 7


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    """Answers twice what it is asked, and stumbles over rows of another width."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "twice", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def numbers(rows: int) -> np.ndarray:
    return np.arange(3 * rows, dtype=np.float32).reshape(rows, 3)


class Noted:
    """A session that notes how many rows each call has, and fails at one of them."""

    def __init__(self, session: Any, fails_at: int | None = None) -> None:
        self.session, self.fails_at = session, fails_at
        self.calls: list[int] = []

    def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.calls.append(len(feed["x"]))
        if len(self.calls) == self.fails_at:
            raise RuntimeError("a broken call")
        found: list[np.ndarray] = self.session.run(outputs, feed)
        return found


class TestAnswered:
    @pytest.mark.parametrize("threads", [1, 2, 4, None])
    @pytest.mark.parametrize("rows", [1, ROWS_A_CALL, ROWS])
    def test_is_the_same_with_any_number_of_threads(
        self, session: Any, rows: int, threads: int | None
    ) -> None:
        noted = Noted(session)
        found = answered(noted, ["y"], {"x": numbers(rows)}, threads)
        np.testing.assert_array_equal(found["y"], 2 * numbers(rows))
        assert sorted(noted.calls) == sorted(
            min(ROWS_A_CALL, rows - start) for start in range(0, rows, ROWS_A_CALL)
        )

    def test_serves_many_callers_at_once(self, session: Any) -> None:
        def ask(rows: int) -> bool:
            found = answered(session, ["y"], {"x": numbers(rows)}, 4)["y"]
            return bool((found == 2 * numbers(rows)).all())

        with ThreadPoolExecutor(8) as callers:
            assert all(callers.map(ask, range(1, 40 * ROWS_A_CALL, 37)))

    @pytest.mark.parametrize("threads", [1, 4])
    def test_raises_the_error_of_a_call_and_begins_no_other(
        self, session: Any, threads: int
    ) -> None:
        noted = Noted(session, fails_at=1)
        with pytest.raises(RuntimeError, match="a broken call"):
            answered(noted, ["y"], {"x": numbers(100 * ROWS_A_CALL)}, threads)
        if threads == 1:
            assert len(noted.calls) == 1
        # The next request finds the threads as before.
        assert len(answered(session, ["y"], {"x": numbers(ROWS)}, threads)["y"]) == ROWS

    def test_works_in_a_process_that_was_forked_after_the_threads_began(self, session: Any) -> None:
        assert len(answered(session, ["y"], {"x": numbers(ROWS)}, 4)["y"]) == ROWS
        child = get_context("fork").Process(target=_ask_again, args=(Noted(Twice()),))
        child.start()
        child.join(30)
        stuck = child.is_alive()
        child.kill()
        assert not stuck
        assert child.exitcode == 0


class Twice:
    """What the session answers, without its own threads, which a fork does not bring along."""

    def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [2 * feed["x"]]


def _ask_again(session: Noted) -> None:
    found = answered(session, ["y"], {"x": numbers(ROWS)}, 4)["y"]
    assert (found == 2 * numbers(ROWS)).all()
