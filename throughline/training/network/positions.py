"""Positions of a sequence's steps as vectors, which Keras has no layer for."""

from __future__ import annotations

from typing import Any, Literal

import keras
import numpy as np

KINDS = ("learned", "sine")
# Vaswani et al. (2017), "Attention Is All You Need", section 3.5.
LONGEST_WAVE = 10_000


@keras.saving.register_keras_serializable("throughline")
class AddPositions(keras.layers.Layer):  # type: ignore[misc]
    """Adds to each step of a sequence a vector that stands for its place.

    Args:
        kind: `learned`, a vector a place, or `sine`, waves of many lengths that nothing learns.
            Default: `learned`.
        embeddings_initializer: of learned vectors. Default: `uniform`, as `Embedding` has it.
    """

    def __init__(
        self, kind: Literal["learned", "sine"] = "learned", embeddings_initializer: Any = "uniform",
        **settings: Any,
    ) -> None:  # fmt: skip
        super().__init__(**settings)
        if kind not in KINDS:
            raise ValueError(f"kind should be one of {', '.join(KINDS)}, not {kind}")
        self.kind = kind
        self.initializer = keras.initializers.get(embeddings_initializer)
        self.supports_masking = True

    def build(self, shape: Any) -> None:
        """Make the vectors; `shape` is (rows, steps, size)."""
        if len(shape) != 3 or None in shape[1:]:
            raise ValueError(f"positions need sequences of one length, not the shape {shape}")
        if self.kind == "learned":
            self.positions = self.add_weight(
                shape=shape[1:], initializer=self.initializer, name="positions"
            )
        else:
            waves = keras.initializers.Constant(sine(*shape[1:]))
            self.positions = self.add_weight(
                shape=shape[1:], initializer=waves, name="positions", trainable=False
            )

    def call(self, x: Any) -> Any:
        """The sequence with its positions, of the same shape."""
        return x + self.positions

    def compute_output_shape(self, shape: Any) -> Any:
        """That of the sequence."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """Its settings."""
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "kind": self.kind, "embeddings_initializer": initializer}


def sine(steps: int, size: int) -> np.ndarray:
    """Sines at the even places of each vector and cosines at the odd ones, shape (steps, size)."""
    places = np.arange(size)
    angles = np.arange(steps)[:, None] / LONGEST_WAVE ** (2 * (places // 2) / size)
    return np.where(places % 2, np.cos(angles), np.sin(angles)).astype(np.float32)
