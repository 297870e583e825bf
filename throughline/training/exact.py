"""Quotients and roots of TensorFlow that hang on the processor's maker, and what replaces them.

TensorFlow's kernels for `Rsqrt`, `Reciprocal`, `Softmax` and `Erfc` begin with `rcpps` or
`rsqrtps`, whose tables Intel and AMD fill differently, and no setting turns that off. Of 200
quotients 59 end in another last bit than division gives, which is exact everywhere, as is the root.
"""

from __future__ import annotations

import math
from typing import Any


def install() -> None:
    """Have Keras' layers and optimizers compute by division and root, before the first graph."""
    import tensorflow as tf
    from keras.src.backend.tensorflow import math as keras_math
    from keras.src.backend.tensorflow import nn, numpy

    # Grappler turns `x / sqrt(y)` and `1 / y` back into the kernels above.
    tf.config.optimizer.set_experimental_options(
        {"arithmetic_optimization": False, "constant_folding": False}
    )
    keras_math.rsqrt = rsqrt
    keras_math.erfc = erfc
    numpy.reciprocal = reciprocal
    nn.softmax = softmax
    nn.gelu = gelu
    nn.batch_normalization = batch_normalization


def rsqrt(x: Any) -> Any:
    """`1 / sqrt(x)`."""
    import tensorflow as tf

    return 1 / tf.sqrt(tf.convert_to_tensor(x))


def reciprocal(x: Any) -> Any:
    """`1 / x`."""
    import tensorflow as tf

    return 1 / tf.convert_to_tensor(x)


def erfc(x: Any) -> Any:
    """`1 - erf(x)`."""
    import tensorflow as tf

    return 1 - tf.math.erf(tf.convert_to_tensor(x))


def softmax(x: Any, axis: int | tuple[int, ...] | None = -1) -> Any:
    """Exponentials divided by their sum; the largest is taken off first."""
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    largest = tf.stop_gradient(tf.reduce_max(x, axis, keepdims=True))
    powers = tf.exp(x - largest)
    result = powers / tf.reduce_sum(powers, axis, keepdims=True)
    # As Keras does, so that a cross-entropy takes what stands before the softmax.
    result._keras_logits = x
    return result


def gelu(x: Any, approximate: bool = True) -> Any:
    """Gaussian error linear unit."""
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    if approximate:
        return tf.nn.gelu(x, approximate=True)
    return 0.5 * x * (1 + tf.math.erf(x / math.sqrt(2)))


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """`x` less its mean, divided by the root of its variance, then scaled and moved."""
    import tensorflow as tf

    shape = [1] * len(x.shape)
    shape[axis] = -1

    def along(vector: Any) -> Any:
        return tf.reshape(vector, shape)

    factor = rsqrt(along(variance) + epsilon)
    factor = factor if scale is None else factor * along(scale)
    shift = -along(mean) * factor
    return x * factor + (shift if offset is None else shift + along(offset))
