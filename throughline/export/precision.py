"""Smaller variants of a model: half precision, and whole numbers of eight bits.

Weights of eight bits use seven of them. Where a processor has no VNNI, onnxruntime adds two
products of an unsigned and a signed byte in sixteen bits and cuts off what is beyond 32,767, so a
file that was accurate on one machine was not on another; 2 · 255 · 64 = 32,640 stays whole.

Which variant is released is not decided here: each is evaluated on real test rows like the
float32 model, and one outside the pipeline's tolerance is refused.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.export.graph.rewriting import replace_items, subgraphs

if TYPE_CHECKING:
    import onnx

# Operators that are stored in half precision and computed in single: the CPU has no kernel for
# them in half precision, and products lose too much in it.
WEIGHTED = frozenset({"Gemm", "MatMul", "Conv", "ConvTranspose", "Gather", "RNN", "GRU", "LSTM"})
SMALLEST_WEIGHT = 16
# Calibration rows in one call.
BATCH = 64


def in_precision(
    network: onnx.ModelProto, precision: str, prepared: Path, calibration_rows: int
) -> onnx.ModelProto:
    """A network in one of the precisions of the section `export`.

    Args:
        network: in float32, from arrays to predictions.
        precision: `float16`, `int8-dynamic` or `int8-static`.
        prepared: folder of the prepared training rows; `int8-static` reads its arrays.
        calibration_rows: how many of them.
    """
    if precision == "float16":
        return float16(network)
    if precision == "int8-dynamic":
        return dynamic_int8(network)
    return static_int8(network, _batches(network, prepared, calibration_rows))


def _batches(
    network: onnx.ModelProto, prepared: Path, count: int
) -> Iterator[dict[str, np.ndarray]]:
    """Prepared training rows in the types that the network takes, `BATCH` at a time."""
    from onnx import helper

    types = {
        value.name: helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        for value in network.graph.input
    }
    arrays = _prepared(prepared, list(types))
    rows = min(count, *(len(array) for array in arrays.values()))
    for start in range(0, rows, BATCH):
        chunk = slice(start, min(start + BATCH, rows))
        yield {name: array[chunk].astype(types[name]) for name, array in arrays.items()}


def _prepared(folder: Path, names: Sequence[str]) -> Mapping[str, Any]:
    """The arrays that the network was trained on; windows are gathered as they are asked for."""
    from throughline.samples.samples import read_samples

    inputs = read_samples(folder).inputs
    return {name: array for name, array in inputs.items() if name in names}


def float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its weights stored in half precision, computed in single precision.

    Each large weight is followed by a `Cast`, which a runtime folds when it loads the file: the
    file is half as large, latency stays, inputs and outputs keep their types. Values beyond the
    range of half precision are kept in single precision.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    weights = {
        name for node in graph.node if node.op_type in WEIGHTED for name in node.input if name
    }
    inner = {name for node in graph.node for name in _captured(node)}
    casts = []
    for tensor in graph.initializer:
        if tensor.name not in weights or tensor.data_type != TensorProto.FLOAT:
            continue
        array = numpy_helper.to_array(tensor)
        limit = np.finfo(np.float16).max
        if array.size < SMALLEST_WEIGHT or np.abs(array).max() > limit or tensor.name in inner:
            continue
        half = f"{tensor.name}.half"
        cast = helper.make_node(
            "Cast", [half], [tensor.name], f"{tensor.name}/Cast", to=TensorProto.FLOAT
        )
        casts.append(cast)
        tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), half))
    replace_items(graph.node, [*casts, *graph.node])
    return result


def _captured(node: onnx.NodeProto) -> Iterator[str]:
    """Names that the graphs inside a node read."""
    for graph in subgraphs(node):
        for inner in graph.node:
            yield from inner.input


def dynamic_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights of products as eight-bit numbers, one scale per output; inputs scaled at run time.

    Source: `onnxruntime.quantization.quantize_dynamic`.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    def write(source: Path, target: Path) -> None:
        quantize_dynamic(
            source,
            target,
            per_channel=True,
            weight_type=QuantType.QInt8,
            reduce_range=True,
            op_types_to_quantize=["MatMul", "LSTM", "Gather"],
        )

    return _through_files(_gemm_as_product(model), write)


def static_int8(
    model: onnx.ModelProto, rows: Iterable[Mapping[str, np.ndarray]]
) -> onnx.ModelProto:
    """Weights and inner values as eight-bit numbers, with scales from calibration rows.

    Source: `onnxruntime.quantization.quantize_static`, quantize and dequantize nodes.

    Args:
        model: a float32 model.
        rows: batches of training rows, by input name. Never test rows.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    def write(source: Path, target: Path) -> None:
        quantize_static(
            source,
            target,
            _reader(rows),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            reduce_range=True,
            op_types_to_quantize=["MatMul", "Gemm", "Conv"],
        )

    return _through_files(model, write)


def _reader(rows: Iterable[Mapping[str, np.ndarray]]) -> Any:
    """Calibration rows as onnxruntime reads them, one batch after the other."""
    from onnxruntime.quantization import CalibrationDataReader

    class Rows(CalibrationDataReader):  # type: ignore[misc]
        """Batches in their order."""

        def __init__(self) -> None:
            self._batches = iter(rows)

        def get_next(self) -> dict[str, np.ndarray] | None:
            """The next batch, or None at the end."""
            batch = next(self._batches, None)
            return None if batch is None else dict(batch)

    return Rows()


def _gemm_as_product(model: onnx.ModelProto) -> onnx.ModelProto:
    """Gemm as MatMul and Add: onnxruntime quantises only the former at run time."""
    import onnx
    from onnx import helper

    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = []
    for node in result.graph.node:
        if node.op_type != "Gemm" or node.attribute:
            nodes.append(node)
            continue
        product = f"{node.output[0]}/product" if len(node.input) > 2 else node.output[0]
        nodes.append(helper.make_node("MatMul", list(node.input[:2]), [product], node.name))
        if len(node.input) > 2:
            added = [product, node.input[2]]
            nodes.append(helper.make_node("Add", added, list(node.output), f"{node.name}/Add"))
    replace_items(result.graph.node, nodes)
    return result


def _through_files(model: onnx.ModelProto, write: Any) -> onnx.ModelProto:
    """What `write` makes of a model; onnxruntime's quantiser works from file to file."""
    import onnx

    level = logging.root.manager.disable
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(model.SerializeToString())
        # It advises, as a warning of the root logger, what `join` does anyway.
        logging.disable(logging.WARNING)
        try:
            write(source, target)
        finally:
            logging.disable(level)
        return onnx.load(str(target))
