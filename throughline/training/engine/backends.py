"""The few operations that TensorFlow and JAX spell differently; all else is `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from throughline.errors import BadPipeline

Tensor = Any
Tensors = list[Tensor]


class Backend(Protocol):
    """What the training program needs from the library below Keras."""

    def compile(self, function: Callable[..., Any], xla: bool) -> Callable[..., Any]:
        """The function as one program."""

    def gradient(
        self, loss: Callable[[Tensors], tuple[Tensor, Any]], variables: Tensors
    ) -> tuple[Tensor, Any, Tensors]:
        """The loss, what comes along with it, and the loss's gradient."""

    def each(self, function: Callable[[Any], Any], runs: Any, like: Any) -> Any:
        """The function of every slice along the leading axis, side by side, inside a program."""

    def apart(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as a graph of its own, which a loop calls and does not take in."""

    def gather(self, array: Tensor, rows: Tensor) -> Tensor:
        """Rows of an array; row numbers are known to be in bounds."""

    def device_array(self, array: Any) -> Tensor:
        """An array on the device."""

    def stateless(self, optimizer: Any) -> Any:
        """The optimizer as one that can be applied without touching variables."""


def current() -> Backend:
    """The backend that Keras runs on."""
    import keras

    backends: dict[str, type[Backend]] = {"tensorflow": TensorflowBackend, "jax": JaxBackend}
    return backends[keras.backend.backend()]()


def device() -> tuple[str, bool]:
    """The backend's name, and whether it computes on a GPU."""
    import keras

    if (name := keras.backend.backend()) == "tensorflow":
        import tensorflow as tf

        return name, bool(tf.config.get_visible_devices("GPU"))
    import jax

    return name, jax.default_backend() == "gpu"


class TensorflowBackend:
    """TensorFlow: `tf.function`, with or without XLA."""

    def compile(self, function: Callable[..., Any], xla: bool) -> Callable[..., Any]:
        """The function as one graph."""
        import tensorflow as tf

        compiled: Callable[..., Any] = tf.function(function, jit_compile=xla, autograph=False)
        return _by_xla(compiled) if xla else compiled

    def gradient(
        self, loss: Callable[[Tensors], tuple[Tensor, Any]], variables: Tensors
    ) -> tuple[Tensor, Any, Tensors]:
        """Loss, auxiliary values and gradients; an Embedding's stays a list of slices."""
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            value, auxiliary = loss(variables)
        return value, auxiliary, tape.gradient(value, variables)

    def each(self, function: Callable[[Any], Any], runs: Any, like: Any) -> Any:
        """A loop over the slices whose turns run at the same time, on one thread each.

        Not `tf.vectorized_map`: it has no convolution with a kernel for each run. A turn computes
        what the function computes alone, to the bit.
        """
        import tensorflow as tf

        def slice_of(tensor: Tensor) -> Any:
            return tf.TensorSpec(tensor.shape[1:], tensor.dtype)

        return tf.map_fn(
            function,
            runs,
            parallel_iterations=tf.nest.flatten(runs)[0].shape[0],
            fn_output_signature=tf.nest.map_structure(slice_of, like),
        )

    def apart(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as a graph of its own, which a loop calls and does not take in.

        oneDNN's gradient of max pooling is taken only where TensorFlow meets the pooling before
        its gradient. In a loop, where each comes before the other, that was up to addresses in
        memory: of 7 processes 2 had the plain gradient, and an epoch took twice as long.
        """
        import tensorflow as tf

        def called(*arguments: Any) -> Any:
            own = tf.function(
                lambda: function(*arguments),
                autograph=False,
                experimental_attributes={"_noinline": True},
            )
            return own()

        return called

    def gather(self, array: Tensor, rows: Tensor) -> Tensor:
        """Rows of an array."""
        import tensorflow as tf

        return tf.gather(array, rows)

    def device_array(self, array: Any) -> Tensor:
        """An array as an eager tensor, on a CPU in the same memory where that is aligned.

        `tf.convert_to_tensor` copies, and copies again what is not aligned: a series of 400 MB took
        1.2 GB. An operation that is given an array takes its memory as it is.
        """
        import tensorflow as tf

        array = np.asarray(array)
        if device()[1]:
            return tf.convert_to_tensor(array)
        return tf.raw_ops.Identity(input=array)

    def stateless(self, optimizer: Any) -> Any:
        """The optimizer without `tf.distribute` and without conditions."""
        from throughline.training.private_keras import stateless

        return stateless(optimizer)


def _by_xla(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with one line for what XLA cannot compile."""
    import tensorflow as tf

    def called(*arguments: Any) -> Any:
        try:
            return compiled(*arguments)
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
            lines = [line.strip() for line in str(error.message).splitlines() if line.strip()]
            node = next((line for line in lines if "{{node" in line), "")
            raise BadPipeline(
                f"Compiled by XLA, the network should train: {lines[0]} {node}",
                remedy="Set training.xla to false",
            ) from error

    return called


class JaxBackend:
    """JAX: `jax.jit`, always through XLA."""

    def compile(self, function: Callable[..., Any], xla: bool) -> Callable[..., Any]:
        """The function, jitted."""
        import jax

        compiled: Callable[..., Any] = jax.jit(function)
        return compiled

    def gradient(
        self, loss: Callable[[Tensors], tuple[Tensor, Any]], variables: Tensors
    ) -> tuple[Tensor, Any, Tensors]:
        """Loss, auxiliary values and gradients."""
        import jax

        (value, auxiliary), gradients = jax.value_and_grad(loss, has_aux=True)(variables)
        return value, auxiliary, gradients

    def each(self, function: Callable[[Any], Any], runs: Any, like: Any) -> Any:
        """The function vectorised over the leading axis."""
        import jax

        return jax.vmap(function)(runs)

    def apart(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: XLA compiles a loop as a whole."""
        return function

    def gather(self, array: Tensor, rows: Tensor) -> Tensor:
        """Rows of an array, without a bounds check."""
        return array.at[rows].get(mode="promise_in_bounds")

    def device_array(self, array: Any) -> Tensor:
        """An array on the default device."""
        import jax.numpy as jnp

        return jnp.asarray(array)

    def stateless(self, optimizer: Any) -> Any:
        """The optimizer itself: Keras' JAX optimizers are stateless already."""
        return optimizer
