"""The runtime that every graph is run by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def session_of(graph: onnx.ModelProto) -> Any:
    """An onnxruntime session with one thread, which is faster for small graphs on shared cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # What goes wrong comes as an exception; the log would write a column's name as it is.
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
