"""The ONNX graph under construction: nodes, constants, readable names, inferred shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.export.graph.assembly import IR_VERSION, assemble
from throughline.export.graph.tensor import Dimension, Tensor

if TYPE_CHECKING:
    import onnx

# The newest operator set that onnxruntime 1.31 loads; onnx 1.23 knows newer ones.
OPSET = 26

# Constants up to this size take part in shape inference (axes, shapes, pads).
LARGEST_SHAPE_CONSTANT = 64

Value = Tensor | np.ndarray | float | int | None


class Builder:
    """Collects nodes, constants, inputs and outputs, then makes the model.

    Args:
        opset: version of the standard operators to write. Defaults to `OPSET`.
    """

    def __init__(self, opset: int = OPSET) -> None:
        self.opset = opset
        self.inputs: list[Tensor] = []
        self.outputs: list[tuple[str, Tensor]] = []
        self.metadata: dict[str, str] = {}
        # What converters keep from one layer to the next, such as a mask worked out once.
        self.memory: dict[tuple[str, ...], Any] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}
        self._constant_names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._types: dict[str, onnx.TypeProto] = {}
        self._transposes: dict[tuple[str, tuple[int, ...]], Tensor] = {}
        self._used_names: dict[str, int] = {}
        self._scope: list[str] = []

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Nodes made inside carry the layer's name."""
        self._scope.append(name)
        try:
            yield
        finally:
            self._scope.pop()

    def input(self, name: str, shape: Sequence[Dimension], dtype: str) -> Tensor:
        """Add an input of the model; `shape` has a name for each open dimension."""
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._types[name] = helper.make_tensor_type_proto(kind, list(shape))
        self._used_names[name] = 0
        tensor = Tensor(name, tuple(shape), dtype, tuple(range(len(shape))))
        self.inputs.append(tensor)
        return tensor

    def output(self, name: str, tensor: Tensor) -> None:
        """Add an output of the model, in Keras' order of axes."""
        self.outputs.append((name, self.plain(tensor)))

    def constant(self, array: np.ndarray) -> Tensor:
        """A constant of the graph; equal arrays are stored once."""
        from onnx import helper

        array = np.ascontiguousarray(array).reshape(np.shape(array))
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constant_names:
            name = self._unique("constant")
            self._constant_names[key] = name
            self._constants[name] = array
            kind = helper.np_dtype_to_tensor_dtype(array.dtype)
            self._types[name] = helper.make_tensor_type_proto(kind, array.shape)
        return Tensor(
            self._constant_names[key], array.shape, str(array.dtype), tuple(range(array.ndim))
        )

    def op(self, operator: str, *inputs: Value, domain: str = "", **attributes: Any) -> Tensor:
        """Add a node with one output; tensors are brought into Keras' order of axes first."""
        return self.ops(operator, *inputs, count=1, domain=domain, **attributes)[0]

    def ops(
        self, operator: str, *inputs: Value, count: int, domain: str = "", **attributes: Any
    ) -> list[Tensor]:
        """Add a node with `count` outputs.

        Args:
            operator: the ONNX operator.
            inputs: tensors, or arrays and numbers that become constants, or None for an
                optional input that is left out. Numbers take the type of the first numeric tensor.
            count: the number of outputs. An output that nothing reads is dropped at the end.
            domain: the operator's domain. Defaults to the standard one.
            attributes: the operator's attributes; None leaves one out.

        Returns:
            The outputs, with shape and type inferred by ONNX.
        """
        from onnx import helper

        given = [value for value in inputs if isinstance(value, Tensor)]
        first = next((value for value in given if value.dtype != "bool"), None)
        tensors = [self._tensor(value, first) for value in inputs]
        # onnxruntime crashes on some operators when an absent input at the end is written out.
        while tensors and tensors[-1] is None:
            tensors.pop()
        name = self._unique(operator)
        names = [name] if count == 1 else [f"{name}:{index}" for index in range(count)]
        kept = {key: value for key, value in attributes.items() if value is not None}
        node = helper.make_node(
            operator, [t.name if t else "" for t in tensors], names, name, domain=domain, **kept
        )
        self._nodes.append(node)
        self._types.update(self._inferred(node))
        return [self._described(output) for output in names]

    def elementwise(self, operator: str, *inputs: Value, **attributes: Any) -> Tensor:
        """Add a node that works value by value, in whatever order the tensors are stored.

        The result has no mask: whether a layer hands one on is its registration's to say.
        """
        tensors = [value for value in inputs if isinstance(value, Tensor)]
        rank = max(tensor.rank for tensor in tensors)
        full = [tensor for tensor in tensors if tensor.rank == rank]
        order = next((t.order for t in full if t.is_reordered), tuple(range(rank)))
        if any(t.rank != rank and t.rank > 0 for t in tensors):
            order = tuple(range(rank))
        placed: list[Value] = []
        for value in inputs:
            if isinstance(value, Tensor):
                placed.append(self.stored(value, order) if value.rank == rank else value)
            else:
                placed.append(None if value is None else _aligned(value, order))
        return self.logical(self.op(operator, *placed, **attributes), order)

    def stored(self, tensor: Tensor, order: Sequence[int]) -> Tensor:
        """`tensor` as stored in `order`: stored axis `i` holds Keras' axis `order[i]`.

        The result counts as plain: its own order of axes is the stored one.
        """
        wanted = tuple(order)
        plain = tuple(range(tensor.rank))
        raw = replace(tensor, order=plain, mask=None)
        permutation = tuple(tensor.order.index(axis) for axis in wanted)
        if permutation == plain:
            return raw
        key = (tensor.name, permutation)
        if key not in self._transposes:
            self._transposes[key] = self.op("Transpose", raw, perm=list(permutation))
        return self._transposes[key]

    def logical(self, tensor: Tensor, order: Sequence[int]) -> Tensor:
        """A plain tensor read as Keras' tensor: its axis `i` is Keras' axis `order[i]`."""
        return replace(tensor, order=tuple(order), mask=None)

    def plain(self, tensor: Tensor) -> Tensor:
        """`tensor` stored in Keras' own order of axes."""
        return self.stored(tensor, range(tensor.rank)) if tensor.is_reordered else tensor

    def along(self, operator: str, tensor: Tensor, axis: int, **attributes: Any) -> Tensor:
        """Add a node that works along Keras' axis `axis`, in the order `tensor` is stored in."""
        raw = self.logical(tensor, range(tensor.rank))
        place = tensor.order.index(axis % tensor.rank)
        place = -1 if place == tensor.rank - 1 else place
        return self.logical(self.op(operator, raw, axis=place, **attributes), tensor.order)

    def cast(self, tensor: Tensor, dtype: str) -> Tensor:
        """`tensor` as another type; nothing is written when it has that type already."""
        from onnx import helper

        if tensor.dtype == dtype:
            return tensor
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.elementwise("Cast", tensor, to=int(kind))

    def floating(self, tensor: Tensor) -> Tensor:
        """`tensor` as float32 unless it is a floating-point tensor already, as Keras casts."""
        return tensor if tensor.is_float else self.cast(tensor, "float32")

    def reshape(self, tensor: Tensor, shape: Sequence[int]) -> Tensor:
        """`tensor` in another shape; 0 keeps a dimension, -1 takes what is left."""
        return self.op("Reshape", tensor, np.array(shape, np.int64))

    def squeeze(self, tensor: Tensor, *axes: int) -> Tensor:
        """`tensor` without `axes` of length one."""
        return self.op("Squeeze", tensor, np.array(axes, np.int64))

    def unsqueeze(self, tensor: Tensor, *axes: int) -> Tensor:
        """`tensor` with new `axes` of length one."""
        return self.op("Unsqueeze", tensor, np.array(axes, np.int64))

    def slice(self, tensor: Tensor, axis: int, start: int, stop: int, step: int = 1) -> Tensor:
        """The part of `tensor` from `start` to `stop` along one axis."""
        bounds = [np.array([number], np.int64) for number in (start, stop, axis, step)]
        return self.op("Slice", tensor, *bounds)

    def flip(self, tensor: Tensor, axis: int) -> Tensor:
        """`tensor` in reverse along Keras' axis `axis`, stored as it was."""
        raw = self.logical(tensor, range(tensor.rank))
        reversed_ = self.slice(raw, tensor.order.index(axis), -1, np.iinfo(np.int64).min, -1)
        return self.logical(reversed_, tensor.order)

    def model(self, name: str = "network") -> onnx.ModelProto:
        """The finished model: only nodes and constants that an output needs."""

        return assemble(
            name, self.opset, self._nodes, self._constants, self._types, self.inputs, self.outputs,
            self.metadata,
        )  # fmt: skip

    def _tensor(self, value: Value, like: Tensor | None) -> Tensor | None:
        if value is None:
            return None
        if isinstance(value, Tensor):
            return self.plain(value)
        if isinstance(value, np.ndarray):
            return self.constant(value)
        return self.constant(np.array(value, like.dtype if like else "float32"))

    def _inferred(self, node: onnx.NodeProto) -> dict[str, onnx.TypeProto]:
        import onnx
        from onnx import numpy_helper, shape_inference

        version = self.opset if node.domain == "" else 1
        schema = onnx.defs.get_schema(node.op_type, version, node.domain)
        known = [name for name in node.input if name in self._constants]
        small = [n for n in known if self._constants[n].size <= LARGEST_SHAPE_CONSTANT]
        types: dict[str, onnx.TypeProto] = shape_inference.infer_node_outputs(
            schema,
            node,
            {name: self._types[name] for name in node.input if name},
            {name: numpy_helper.from_array(self._constants[name], name) for name in small},
            opset_imports=[onnx.helper.make_opsetid(node.domain, version)],
            ir_version=IR_VERSION,
        )
        for name in node.output:
            if name in types and not types[name].tensor_type.HasField("shape"):
                # ONNX infers no shape for an operator that is a function of others.
                types[name].CopyFrom(self._types[node.input[0]])
        return types

    def _described(self, name: str) -> Tensor:
        from onnx import helper

        kind = self._types[name].tensor_type
        dtype = str(np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type)))
        shape = tuple(
            dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
            for dim in kind.shape.dim
        )
        return Tensor(name, shape, dtype, tuple(range(len(shape))))

    def scoped(self, name: str) -> str:
        """`name` behind the names of the layers that are being written."""
        return "/".join([*self._scope, name])

    def _unique(self, suffix: str) -> str:
        name = self.scoped(suffix)
        count = self._used_names.get(name)
        self._used_names[name] = 0 if count is None else count + 1
        return name if count is None else self._unique(f"{suffix}_{count + 1}")


def _aligned(value: np.ndarray | float | int, order: tuple[int, ...]) -> Value:
    """A constant that broadcasts against Keras' axes, made to broadcast against stored axes."""
    if not isinstance(value, np.ndarray) or value.ndim == 0 or order == tuple(range(len(order))):
        return value
    full = value.reshape((1,) * (len(order) - value.ndim) + value.shape).transpose(order)
    while full.ndim > 1 and full.shape[0] == 1:
        full = full[0]
    return full
