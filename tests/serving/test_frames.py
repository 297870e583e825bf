"""What a model's own process and its asker tell each other arrives as it was sent."""

from __future__ import annotations

from multiprocessing import Pipe
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from throughline.serving.frames import receive, send

SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
NUMBERS = arrays.arrays(st.sampled_from(["f4", "f8", "i8", "u1", "?"]), SHAPES)
TEXTS = arrays.arrays(object, SHAPES, elements=st.text(max_size=5))
WORDS = st.lists(st.text(max_size=5))


def passed_on(words: Any, sent: list[Any]) -> tuple[Any, list[Any]]:
    mine, other = Pipe()
    sender = Thread(target=send, args=(mine, words, sent))
    sender.start()
    received = receive(other)
    sender.join()
    mine.close()
    other.close()
    return received


@given(WORDS, st.lists(NUMBERS | TEXTS, max_size=3))
def test_arrives_as_it_was(words: list[str], sent: list[np.ndarray]) -> None:
    read, found = passed_on(words, sent)
    assert read == words
    for array, other in zip(sent, found, strict=True):
        assert other.dtype == array.dtype
        np.testing.assert_array_equal(other, array)


def test_no_array_arrives_as_none() -> None:
    assert passed_on(None, [[{1: 0.5}]]) == (None, [None])


def test_other_objects_are_not_sent() -> None:
    mine, other = Pipe()
    with pytest.raises(TypeError):
        send(mine, None, [np.array([object()], dtype=object)])
    assert not other.poll()


def test_a_pickle_is_not_read() -> None:
    mine, other = Pipe()
    mine.send([1, 2])
    with pytest.raises(ValueError):
        receive(other)
