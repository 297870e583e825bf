"""A value of the graph as the layer converters see it: Keras' shape over ONNX' storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

Dimension = int | str | None


@dataclass(frozen=True)
class Tensor:
    """A named value of the ONNX graph.

    Convolutions store channels first and recurrent operators store time first, where Keras has
    channels last and batch first. A tensor therefore remembers how it is stored, and a
    `Transpose` is written only where an operator needs another order: two convolutions or two
    recurrent layers in a row need none between them.

    Args:
        name: the value's name in the graph.
        stored_shape: the shape of the value as the graph holds it.
        dtype: the numpy name of its type.
        order: stored axis `i` holds Keras' axis `order[i]`.
        mask: which time steps count, shape (batch, time), as Keras hands it from layer to layer.
    """

    name: str
    stored_shape: tuple[Dimension, ...]
    dtype: str
    order: tuple[int, ...]
    mask: Tensor | None = None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.stored_shape)

    @property
    def shape(self) -> tuple[Dimension, ...]:
        """The shape in Keras' order of axes; a name or None where a dimension is open."""
        return tuple(self.stored_shape[self.order.index(axis)] for axis in range(self.rank))

    @property
    def is_reordered(self) -> bool:
        """True when the stored order of axes differs from Keras'."""
        return self.order != tuple(range(self.rank))

    @property
    def is_float(self) -> bool:
        """True for a floating-point value."""
        return "float" in self.dtype

    def size(self, axis: int) -> int | None:
        """The length of Keras' axis `axis`, or None when it is open."""
        dimension = self.shape[axis]
        return dimension if isinstance(dimension, int) else None

    def transposed(self, permutation: Sequence[int]) -> Tensor:
        """This tensor with Keras' axes permuted; nothing is written to the graph."""
        place = {old: new for new, old in enumerate(permutation)}
        return replace(self, order=tuple(place[axis] for axis in self.order), mask=None)

    def masked(self, mask: Tensor | None) -> Tensor:
        """This tensor with another mask."""
        return replace(self, mask=mask)
