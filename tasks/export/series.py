"""The two halves of a forecaster's graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def window_ends(
    preprocess: onnx.ModelProto, network: onnx.ModelProto, summary: dict[str, Any]
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """The graph from raw windows to the network's output, and that from there to the answers.

    Args:
        preprocess: fitted preprocessing, for windows of any length.
        network: from features to numbers.
        summary: prepared.json.
    """
    from tasks.export.join import join
    from tasks.preprocessing.answers import answers
    from tasks.series.answers import fixed, forecast_answers
    from tasks.series.prepared import read_target
    from tasks.series.target import FittedForecast
    from tasks.series.windows import Extent

    extent = Extent.from_json(summary["window"]["extent"])
    front = join(fixed(preprocess, extent), network)
    name, target = front.graph.output[0].name, read_target(summary["target"])
    if isinstance(target, FittedForecast):
        return front, forecast_answers(target, name, extent)
    return front, answers(target, name)
