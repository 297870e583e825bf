"""The spectrogram of a sound as graph nodes: frames, window and Fourier transform by one Conv.

Power spectral density of Hann-windowed frames, one-sided, without detrending, as matplotlib's
`specgram` and SciPy's `signal.spectrogram` with `scaling="density"` compute it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.preprocessing.graph.builder import Graph

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
    found = write_spectrogram(graph, waveform, "sound", rate, length, hop, decibels)
    graph.node("Identity", [found], "spectrogram", exact=True)
    graph.output("spectrogram", TensorProto.FLOAT, ["N", length // 2 + 1, "frames"])
    return graph.model()


def write_spectrogram(
    graph: Graph, waveform: str, name: str, rate: int, length: int, hop: int, decibels: bool
) -> str:
    """Nodes from waveforms (N, samples) to spectrograms (N, length / 2 + 1, frames).

    Args:
        graph: receives the nodes.
        waveform: name of the float tensor.
        name: that the nodes' names begin with.
        rate, length, hop, decibels: as `spectrogram` takes them.
    """
    channel = graph.constant([1], f"{name}/channel", np.int64)
    signal = graph.node("Unsqueeze", [waveform, channel], f"{name}/signal")
    bins = length // 2 + 1
    kernels = graph.constant(_kernels(length)[:, None], f"{name}/kernels")
    waves = graph.node("Conv", [signal, kernels], f"{name}/waves", strides=[hop])
    squared = graph.node("Mul", [waves, waves], f"{name}/squared")
    parts = [
        graph.node(
            "Slice", [squared, *_between(graph, name, start, start + bins)], f"{name}/part_{start}"
        )
        for start in (0, bins)
    ]
    power = graph.node("Add", parts, f"{name}/power")
    densities = graph.constant(_densities(rate, length)[None, :, None], f"{name}/densities")
    scaled = graph.node("Mul", [power, densities], f"{name}/density")
    if not decibels:
        return scaled
    floor = graph.constant(FLOOR, f"{name}/floor")
    above = graph.node("Max", [scaled, floor], f"{name}/above")
    logarithm = graph.node("Log", [above], f"{name}/logarithm")
    ten = graph.constant(10 / np.log(10), f"{name}/ten")
    return graph.node("Mul", [logarithm, ten], f"{name}/decibels")


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


def _between(graph: Graph, name: str, start: int, stop: int) -> list[str]:
    pairs = ((start, "start"), (stop, "stop"), (1, "axis"))
    return [graph.constant([value], f"{name}/{which}_{start}", np.int64) for value, which in pairs]
