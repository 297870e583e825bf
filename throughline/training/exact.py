"""Quotients and roots of TensorFlow that hang on the processor's maker, and what replaces them.

TensorFlow's kernels for `Rsqrt`, `Reciprocal`, `Softmax` and `Erfc` begin with `rcpps` or
`rsqrtps`, whose tables Intel and AMD fill differently, and no setting turns that off. Of 200
quotients 59 end in another last bit than division gives, which is exact everywhere, as is the root.
Layers, losses and gradients, such as the reciprocal of a logarithm, reach them by four names.
"""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Have TensorFlow compute by division and root, before the first graph."""
    import tensorflow as tf
    from tensorflow.python.ops import gen_nn_ops, math_ops

    # Grappler turns `x / sqrt(y)` and `1 / y` back into the kernels above.
    tf.config.optimizer.set_experimental_options(
        {"arithmetic_optimization": False, "constant_folding": False}
    )
    for function in (erfc, reciprocal, rsqrt):
        for module in (math_ops, tf.math):
            setattr(module, function.__name__, function)
    gen_nn_ops.softmax = softmax


def rsqrt(x: Any, name: str | None = None) -> Any:
    """`1 / sqrt(x)`; TensorFlow's callers pass a name."""
    import tensorflow as tf

    return 1 / tf.sqrt(tf.convert_to_tensor(x))


def reciprocal(x: Any, name: str | None = None) -> Any:
    """`1 / x`."""
    import tensorflow as tf

    return 1 / tf.convert_to_tensor(x)


def erfc(x: Any, name: str | None = None) -> Any:
    """`1 - erf(x)`."""
    import tensorflow as tf

    return 1 - tf.math.erf(tf.convert_to_tensor(x))


def softmax(logits: Any, name: str | None = None) -> Any:
    """Exponentials divided by their sum along the last axis; the largest is taken off first."""
    import tensorflow as tf

    logits = tf.convert_to_tensor(logits)
    largest = tf.stop_gradient(tf.reduce_max(logits, -1, keepdims=True))
    powers = tf.exp(logits - largest)
    return powers / tf.reduce_sum(powers, -1, keepdims=True)
