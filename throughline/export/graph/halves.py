"""The two halves of every model: from raw values to the network's output, and on to the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def features_graph(preprocess: onnx.ModelProto, summary: Mapping[str, Any]) -> onnx.ModelProto:
    """The fitted preprocessing; that of a series for windows of the length that it learned from."""
    from throughline.samples.windows.answers import fixed
    from throughline.samples.windows.positions import Extent

    if "window" not in summary:
        return preprocess
    return fixed(preprocess, Extent.from_json(summary["window"]["extent"]))


def answers_graph(name: str, summary: Mapping[str, Any]) -> onnx.ModelProto:
    """From the network's output to the named answers.

    Args:
        name: of the network's output.
        summary: prepared.json.
    """
    from throughline.preprocessing.graph.answers import answers, reconstruction, several_answers
    from throughline.preprocessing.reconstruction import FittedReconstruction
    from throughline.preprocessing.several import FittedSeveral
    from throughline.samples.windows.answers import forecast_answers
    from throughline.samples.windows.positions import Extent
    from throughline.samples.windows.prepared import read_target
    from throughline.samples.windows.target import FittedForecast

    if (features := reconstructed(summary)) is not None:
        return reconstruction(FittedReconstruction.from_json(summary["target"]), name, features)
    if "targets" in summary["target"]:
        return several_answers(FittedSeveral.from_json(summary["target"]), name)
    target = read_target(summary["target"])
    if isinstance(target, FittedForecast):
        return forecast_answers(target, name, Extent.from_json(summary["window"]["extent"]))
    return answers(target, name)


def reconstructed(summary: Mapping[str, Any]) -> str | None:
    """The network input that is the target, too, where a network gives back what it is given.

    Args:
        summary: prepared.json.
    """
    return next(iter(summary["features"])) if "features" in summary["target"] else None
