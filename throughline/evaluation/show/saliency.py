"""Where a model looks: Grad-CAM, computed on `model.onnx` itself.

Grad-CAM (Selvaraju et al., 2017) weighs each channel of the last convolution by the gradient of
the answer, averaged over all places. That average is the derivative of the answer when the whole
channel is raised, so a central difference on the part of the graph behind the convolution gives
it, without a framework that trains. A network without convolutions gets the answer's change with
each pixel instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

# Shares of a channel's spread by which it is raised and lowered.
STEP = 0.05
PIXEL_STEP = 16
# Operators behind which a convolution's channels still lie place by place; on the way to the
# answer, its own branch meets another one in the last two.
ACTIVATIONS = ("Relu", "Clip", "BatchNormalization")
JOINS = ("Add", "Concat")
# Answers asked for at once.
CHUNK = 128
# More pixels than that are not tried one by one.
MOST_PIXELS = 64 * 64


class Looked:
    """A model opened at its first and last convolution.

    Args:
        path: `model.onnx`, whose one input are pictures.
    """

    def __init__(self, path: Path) -> None:
        import onnx

        self._model = onnx.load(path)
        self._input = self._model.graph.input[0].name
        outputs = [value.name for value in self._model.graph.output]
        self._answer = "probabilities" if "probabilities" in outputs else "probability"
        self._weights = {item.name: item for item in self._model.graph.initializer}
        self._convolutions = [n for n in self._model.graph.node if n.op_type == "Conv"]

    def filters(self) -> np.ndarray | None:
        """The kernels of the first convolution, (filters, height, width, channels)."""
        from onnx import numpy_helper

        if not self._convolutions:
            return None
        kernels = self._weights.get(self._convolutions[0].input[1])
        if kernels is None:
            return None
        return np.asarray(numpy_helper.to_array(kernels)).transpose(0, 2, 3, 1)

    def activations(self, picture: np.ndarray) -> np.ndarray | None:
        """What the first convolution answers to one picture, (channels, height, width)."""
        if not self._convolutions:
            return None
        name = self._behind(self._convolutions[0])
        (values,) = self._session([self._input], [name]).run(None, {self._input: picture[None]})
        return np.asarray(values[0])

    def maps(self, pictures: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
        """For each picture what speaks for a class, 0 to 1.

        Args:
            pictures: uint8 (N, height, width, channels).
            classes: (N,) numbers of classes.

        Returns:
            one array (height, width) a picture, in the model's own resolution.
        """
        if not self._convolutions:
            return [self._by_pixel(p, int(c)) for p, c in zip(pictures, classes, strict=True)]
        name = self._behind(self._convolutions[-1], (*ACTIVATIONS, *JOINS))
        front = self._session([self._input], [name])
        # What goes past the convolution is worked out from the picture.
        tail = self._session([name, self._input], [self._answer])
        found = []
        for picture, number in zip(pictures, classes, strict=True):
            (channels,) = front.run(None, {self._input: picture[None]})
            found.append(self._class_activation(tail, name, channels, picture, int(number)))
        return found

    def _class_activation(
        self, tail: Any, name: str, channels: np.ndarray, picture: np.ndarray, number: int
    ) -> np.ndarray:
        asked = {value.name for value in tail.get_inputs()}
        count = channels.shape[1]
        step = STEP * max(float(channels.std()), 1e-6)
        weights = np.zeros(count)
        for start in range(0, count, CHUNK):
            chosen = np.arange(start, min(start + CHUNK, count))
            raised = np.repeat(channels, 2 * len(chosen), axis=0)
            raised[np.arange(len(chosen)), chosen] += step
            raised[len(chosen) + np.arange(len(chosen)), chosen] -= step
            fed = {name: raised}
            if self._input in asked:
                fed[self._input] = np.repeat(picture[None], len(raised), axis=0)
            scores = self._scores(tail.run(None, fed)[0], number)
            weights[chosen] = scores[: len(chosen)] - scores[len(chosen) :]
        weighted = np.tensordot(weights, channels[0], axes=1)
        return _normed(np.maximum(weighted, 0))

    def _by_pixel(self, picture: np.ndarray, number: int) -> np.ndarray:
        height, width, _ = picture.shape
        if height * width > MOST_PIXELS:
            return np.zeros((height, width))
        session = self._session([self._input], [self._answer])
        change = np.zeros(height * width)
        rows, columns = np.divmod(np.arange(height * width), width)
        for start in range(0, height * width, CHUNK):
            chosen = slice(start, start + CHUNK)
            places = np.arange(len(rows[chosen]))
            scores = []
            for sign in (1, -1):
                moved = np.repeat(picture[None].astype(np.int16), len(places), axis=0)
                moved[places, rows[chosen], columns[chosen]] += sign * PIXEL_STEP
                fed = {self._input: np.clip(moved, 0, 255).astype(np.uint8)}
                scores.append(self._scores(session.run(None, fed)[0], number))
            change[chosen] = np.abs(scores[0] - scores[1])
        return _normed(change.reshape(height, width))

    def _scores(self, answers: np.ndarray, number: int) -> np.ndarray:
        """The logarithm of a class's odds, which does not flatten where the model is sure."""
        if answers.ndim == 1:
            probability = answers if number == 1 else 1 - answers
        else:
            probability = answers[:, number]
        probability = np.clip(probability.astype(np.float64), 1e-12, 1 - 1e-12)
        return np.asarray(np.log(probability / (1 - probability)))

    def _behind(self, node: onnx.NodeProto, followed: Sequence[str] = ACTIVATIONS) -> str:
        """The value of a convolution after the operators `followed` that come at once."""
        (name,) = node.output
        users = [each for each in self._model.graph.node if name in each.input]
        if len(users) == 1 and users[0].op_type in followed:
            return self._behind(users[0], followed)
        return str(name)

    def _session(self, inputs: list[str], outputs: list[str]) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(
            self._part(inputs, outputs), options, providers=["CPUExecutionProvider"]
        )

    def _part(self, inputs: list[str], outputs: list[str]) -> bytes:
        """The nodes from some values, as far as they are read, to others; any number of rows."""
        from onnx import TensorProto, helper

        graph = self._model.graph
        wanted, nodes = set(outputs), []
        for node in reversed(graph.node):
            if wanted.intersection(node.output) and not set(node.output) & set(inputs):
                nodes.append(node)
                wanted.update(node.input)
        inputs = [name for name in inputs if name in wanted]
        kinds = {value.name: value.type.tensor_type.elem_type for value in graph.input}
        ends = [
            [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), None) for n in names]
            for names in (inputs, outputs)
        ]
        kept = [item for item in graph.initializer if item.name in wanted]
        part = helper.make_graph(nodes[::-1], "part", *ends, kept)
        model = helper.make_model(
            part, opset_imports=self._model.opset_import, ir_version=self._model.ir_version
        )
        return bytes(model.SerializeToString())


def _normed(values: np.ndarray) -> np.ndarray:
    top = float(values.max(initial=0.0))
    return values / top if top > 0 else values
