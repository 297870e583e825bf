"""The spectrogram of a sound as graph nodes: frames, window and Fourier transform by one Conv.

Power spectral density of Hann-windowed frames, one-sided, without detrending, as matplotlib's
`specgram` and SciPy's `signal.spectrogram` with `scaling="density"` compute it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.preprocessing.graph import Graph

if TYPE_CHECKING:
    import onnx

# The least power whose logarithm is taken.
FLOOR = 1e-20


def frames(samples: int, length: int, hop: int) -> int:
    """How many whole frames a sound has."""
    return max(0, (samples - length) // hop + 1)


def spectrogram(rate: int, length: int, hop: int, decibels: bool = False) -> onnx.ModelProto:
    """A graph from waveforms to spectrograms.

    Args:
        rate: samples a second.
        length: samples in a frame, an even number; the transform has length / 2 + 1 frequencies,
            from 0 to rate / 2.
        hop: samples from one frame to the next.
        decibels: 10 log10 of the power. Default: the power itself.

    Returns:
        a graph with the input `waveform` (N, samples) and the output `spectrogram`
        (N, length / 2 + 1, frames).
    """
    from onnx import TensorProto

    graph = Graph()
    waveform = graph.input("waveform", "number", ["N", "samples"])
    channel = graph.constant([1], "channel", np.int64)
    signal = graph.node("Unsqueeze", [waveform, channel], "signal")
    bins = length // 2 + 1
    kernels = graph.constant(_kernels(length)[:, None], "kernels")
    waves = graph.node("Conv", [signal, kernels], "waves", strides=[hop])
    squared = graph.node("Mul", [waves, waves], "squared")
    parts = [
        graph.node("Slice", [squared, *_between(graph, start, start + bins)], f"part_{start}")
        for start in (0, bins)
    ]
    power = graph.node("Add", parts, "power")
    density = graph.constant(_densities(rate, length)[None, :, None], "densities")
    scaled = graph.node("Mul", [power, density], "density")
    if decibels:
        floor = graph.constant(FLOOR, "floor")
        above = graph.node("Max", [scaled, floor], "above")
        logarithm = graph.node("Log", [above], "logarithm")
        ten = graph.constant(10 / np.log(10), "ten")
        scaled = graph.node("Mul", [logarithm, ten], "decibels")
    graph.node("Identity", [scaled], "spectrogram", exact=True)
    graph.output("spectrogram", TensorProto.FLOAT, ["N", bins, "frames"])
    return graph.model()


def _window(length: int) -> np.ndarray:
    """The periodic Hann window, as SciPy's `get_window` makes it."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length))


def _kernels(length: int) -> np.ndarray:
    """Windowed cosines of all frequencies, then the sines, each (length / 2 + 1, length)."""
    bins = length // 2 + 1
    # Whole turns first: the angle stays small, and its cosine exact.
    turns = np.outer(np.arange(bins), np.arange(length)) % length
    angles = 2 * np.pi * turns / length
    return np.asarray(np.concatenate([np.cos(angles), np.sin(angles)]) * _window(length))


def _densities(rate: int, length: int) -> np.ndarray:
    """What turns squared amplitudes into power a hertz; inner frequencies stand for two."""
    densities = np.full(length // 2 + 1, 2.0 / (rate * (_window(length) ** 2).sum()))
    densities[[0, -1]] /= 2
    return densities


def _between(graph: Graph, start: int, stop: int) -> list[str]:
    pairs = ((start, "start"), (stop, "stop"), (1, "axis"))
    return [graph.constant([value], f"{name}_{start}", np.int64) for value, name in pairs]
