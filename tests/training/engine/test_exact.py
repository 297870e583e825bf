"""Quotients and roots are those of IEEE 754, which every processor computes alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("keras")
X = np.random.default_rng(0).normal(size=200).astype(np.float32)
Y = np.abs(X[::-1]) + np.float32(1e-3)
FACTOR = 1 / np.sqrt(Y + np.float32(1e-3))
NORMALISED = (X * FACTOR - Y * FACTOR)[None]


def graph(function: Callable[..., Any]) -> Any:
    """What a graph answers, with Grappler's rewritings, as a training's does."""
    import tensorflow as tf

    return np.asarray(tf.function(function, autograph=False)(tf.constant(X), tf.constant(Y)))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda o, x, y: x / o.sqrt(y), X / np.sqrt(Y)),
        (lambda o, x, y: 1 / y, 1 / Y),
        (lambda o, x, y: o.reciprocal(y), 1 / Y),
        (lambda o, x, y: o.rsqrt(y), 1 / np.sqrt(Y)),
        (lambda o, x, y: o.batch_normalization(x[None], y, y, 1), NORMALISED),
    ],
    ids=["over a root", "one over", "reciprocal", "rsqrt", "batch normalization"],
)  # fmt: skip
def test_to_the_bit(answer: Callable[..., Any], expected: np.ndarray) -> None:
    import keras

    np.testing.assert_array_equal(graph(lambda x, y: answer(keras.ops, x, y)), expected)


def test_the_gradient_of_a_logarithm_is_a_quotient() -> None:
    import tensorflow as tf

    def gradient(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(y)
            logarithm = tf.math.log(y)
        return tape.gradient(logarithm, y)

    np.testing.assert_array_equal(graph(gradient), 1 / Y)


def test_softmax_is_a_quotient() -> None:
    import keras

    # The largest of each row is 0, so that nothing is taken off before.
    rows = X.reshape(20, 10) - X.reshape(20, 10).max(1, keepdims=True)
    powers = np.asarray(keras.ops.exp(rows))
    total = np.asarray(keras.ops.sum(powers, -1, keepdims=True))
    np.testing.assert_array_equal(graph(lambda x, y: keras.ops.softmax(rows)), powers / total)


@pytest.mark.parametrize("axis", [-1, 0, None, (1, 2)])
def test_softmax_and_its_gradient_are_those_of_tensorflow(axis: Any) -> None:
    import keras
    import tensorflow as tf

    x = tf.constant(np.random.default_rng(1).normal(size=(4, 3, 5)).astype(np.float32))
    weights = tf.constant(np.random.default_rng(2).normal(size=(4, 3, 5)).astype(np.float32))

    def reference(x: Any) -> Any:
        if axis is None:
            return tf.reshape(tf.nn.softmax(tf.reshape(x, [-1])), x.shape)
        if isinstance(axis, tuple):
            return tf.reshape(tf.nn.softmax(tf.reshape(x, (4, 15))), x.shape)
        return tf.nn.softmax(x, axis)

    found = []
    for function in (reference, lambda x: keras.ops.softmax(x, axis)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            answer = function(x)
            loss = tf.reduce_sum(answer * weights)
        found.append((answer, tape.gradient(loss, x)))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("approximate", [True, False])
def test_gelu_is_that_of_tensorflow(approximate: bool) -> None:
    import keras
    import tensorflow as tf

    np.testing.assert_allclose(
        keras.ops.gelu(X, approximate), tf.nn.gelu(X, approximate), atol=1e-6
    )
