"""Filters with fixed kernels, pooling and spectrograms, as steps of a column of pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from throughline.pipeline.strict import Strict

Pair = Annotated[
    tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
    # YAML has lists alone.
    Field(strict=False),
    BeforeValidator(
        lambda value: [value, value] if isinstance(value, int) else value,
        json_schema_input_type=int | list[int],
    ),
]

# Kernels of 3 x 3 that answer to edges of one direction.
EDGES: dict[str, list[list[float]]] = {
    "horizontal": [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
    "vertical": [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
    "diagonal": [[0, 1, 1], [-1, 0, 1], [-1, -1, 0]],
    "antidiagonal": [[1, 1, 0], [1, 0, -1], [0, -1, -1]],
}


class Convolve(Strict):
    """One output channel a kernel, each laid over all input channels, as a network's layer does it.

    Args:
        ones: the size of one kernel of ones, such as 11.
        kernels: matrices, or the names horizontal, vertical, diagonal and antidiagonal.
        padding: `same` keeps the size at stride 1. Default: `valid`.
        stride: places from one value to the next. Default: 1.
    """

    ones: Pair | None = None
    kernels: list[
        list[list[float]] | Literal["horizontal", "vertical", "diagonal", "antidiagonal"]
    ] = []
    padding: Literal["valid", "same"] = "valid"
    stride: Pair = (1, 1)

    @model_validator(mode="before")
    @classmethod
    def _ones(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("ones") is not None and not value.get("kernels"):
            size = value["ones"]
            height, width = (size, size) if isinstance(size, int) else size
            return {**value, "kernels": [[[1.0] * width] * height]}
        return value

    @model_validator(mode="after")
    def _one_size(self) -> Convolve:
        sizes = {(len(matrix), len(row)) for matrix in self.matrices for row in matrix}
        if len(sizes) != 1:
            raise ValueError("'kernels' must be matrices of one size, or 'ones' a size")
        return self

    @property
    def matrices(self) -> list[list[list[float]]]:
        """The kernels as numbers."""
        return [EDGES[kernel] if isinstance(kernel, str) else kernel for kernel in self.kernels]


class Pool(Strict):
    """One value for each block of places, or for all of them.

    Args:
        size: of a block, or `all`.
        kind: the largest or the mean value. Default: `max`.
    """

    size: Pair | Literal["all"]
    kind: Literal["max", "average"] = "max"


class Spectrogram(Strict):
    """Power of each frequency in each frame of a sound, as a picture (frequencies, frames).

    The picture that goes in is a sound of 16 bits as `read: {format: sound}` brings it, two bytes a
    sample. Frames of `frame` samples, every `hop` of them, under a Hann window.

    Args:
        rate: samples a second.
        frame: samples in a frame, an even number.
        hop: samples from one frame to the next.
        decibels: 10 log10 of the power. Default: the power itself.
    """

    rate: int = Field(ge=1)
    frame: int = Field(ge=2, multiple_of=2)
    hop: int = Field(ge=1)
    decibels: bool = False


class Filter(Strict):
    """One step: a convolution, a pooling or a spectrogram.

    Args:
        convolve: with fixed kernels.
        pool: over blocks.
        spectrogram: of a sound; the first step.
    """

    convolve: Convolve | None = None
    pool: Pool | None = None
    spectrogram: Spectrogram | None = None

    @model_validator(mode="after")
    def _one_step(self) -> Filter:
        if [self.convolve, self.pool, self.spectrogram].count(None) != 2:
            raise ValueError("a filter is one of 'convolve', 'pool' and 'spectrogram'")
        return self
