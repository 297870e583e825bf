"""A network of the pipeline file as a Keras model."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from throughline.names import is_reference
from throughline.training.network import checks, heads, own, spec
from throughline.training.network.checks import check
from throughline.training.network.named import construct, first_line, named_object
from throughline.training.network.seeds import counted_anew, seeded
from throughline.training.network.spec import BadNetwork, Entry
from throughline.training.network.word_vectors import with_weights
from throughline.training.private_keras import calls, maker

if TYPE_CHECKING:
    import keras

__all__ = ["BadNetwork", "Output", "build", "check"]

Shape = tuple[int | None, ...]
HALVES = ("float16", "mixed_float16")


@dataclass(frozen=True)
class Output:
    """The last layer, which follows from the problem type.

    Args:
        units: numbers it gives for a row.
        activation: `sigmoid`, `softmax` or `linear`.
        name: its name, and the name of the model's output. Default: `output`.
        use_bias: whether it has a bias. Default: true.
        arguments: further arguments of its `Dense` layer, for example `kernel_initializer`.
    """

    units: int
    activation: str
    name: str = "output"
    use_bias: bool = True
    arguments: Mapping[str, Any] = field(default_factory=dict)


def build(
    network: list[Any] | dict[str, Any] | str,
    inputs: Mapping[str, Shape],
    output: Output | Sequence[Output],
    dtypes: Mapping[str, str] | None = None,
    seed: int = 0,
    rescaling: Mapping[str, tuple[Any, Any]] | None = None,
    vectors: Mapping[str, Any] | None = None,
) -> keras.Model:
    """The network with its output layer, its weights drawn from `seed`.

    Args:
        network: a list of layers, a graph `{layers: [...]}` or `package.module:function`.
        inputs: shape of a row of every input, without the batch axis; several inputs of a list
            network are concatenated first.
        output: the last layer, or one of each of several targets, named like it; the model's
            output then has them side by side, (rows, units).
        dtypes: type of an input's numbers. Default: float32 for all.
        seed: of every random initialiser and dropout. Default: 0.
        rescaling: factor and offset of inputs that are pictures. Default: none.
        vectors: weights of `Embedding: {weights: vectors}` for token numbers. Default: none.

    Returns:
        An uncompiled `keras.Model` whose inputs are named like `inputs`; layer names depend on
        the network alone, so two builds in one process have the same configuration.

    Raises:
        BadNetwork: naming the entry that Keras does not know or cannot build.
    """
    outputs = [output] if isinstance(output, Output) else list(output)
    with seeded(seed), counted_anew():
        if isinstance(network, str):
            return own.network(network, inputs, outputs, dtypes or {})
        listing = spec.entries(network)
        for entry in listing:
            for problem in checks.problems(entry):
                raise problem
        # A layer that carries its state has one for each row of a batch.
        batch = 1 if spec.carries_state(network) else None
        builder = _Builder(inputs, outputs, dtypes or {}, rescaling or {}, vectors or {}, batch)
        return builder.model(listing, isinstance(network, dict))


class _Builder:
    """Layers of one model, named within the model instead of by Keras' process-wide counters."""

    def __init__(
        self, inputs: Mapping[str, Shape], outputs: Sequence[Output], dtypes: Mapping[str, str],
        rescaling: Mapping[str, tuple[Any, Any]], vectors: Mapping[str, Any], batch: int | None,
    ) -> None:  # fmt: skip
        import keras

        self.vectors = vectors
        self.outputs = {output.name: output for output in outputs}
        self.used: set[str] = set()
        self.tensors: dict[str, Any] = {
            name: keras.Input(shape, batch, dtypes.get(name, "float32"), name=name)
            for name, shape in inputs.items()
        }
        self.inputs = list(self.tensors.values())
        for name, (factor, offset) in rescaling.items():
            layer = keras.layers.Rescaling(factor, offset, name=f"{name}_scaled")
            self.tensors[name] = layer(self.tensors[name])
        self.starts = list(self.tensors.values())
        self.layers: dict[str, Any] = {}
        self.used.update(self.tensors)

    def model(self, listing: list[Entry], graph: bool) -> keras.Model:
        import keras

        listing = checks.with_outputs(listing, list(self.outputs))
        for problem in checks.repeated_names(listing, self.tensors):
            raise problem
        given = [spec.given_name(entry) for entry in listing]
        self.used.update([*self.outputs, *(name for name in given if name)])
        last = self.starts[0] if graph or len(self.starts) == 1 else self._concatenated()
        for entry in listing:
            shared = entry.kind == spec.SHARED
            layer = self._shared(entry) if shared else self._layer(entry)
            tensor = self._applied(layer, self._sources(entry, last), entry)
            self.layers[layer.name] = layer
            name = entry.name or (self._name(entry.kind) if shared else layer.name)
            self.tensors[name] = tensor
            if len(self.outputs) == 1 or entry.kind != spec.OUTPUT:
                last = tensor
        if len(self.outputs) > 1:
            answers = [self._flat(name) for name in self.outputs]
            last = heads.side_by_side(answers, self._name(spec.OUTPUT))
        self._name_operations(last)
        return keras.Model(self.inputs, last, name="network")

    def _flat(self, name: str) -> Any:
        """The output of one target of several, held to be (rows, units)."""
        own.of_rows(tensor := self.tensors[name], name, "network")
        return tensor

    def _name_operations(self, last: Any) -> None:
        """Give the operations that masks bring no name that a layer has.

        Keras knows nothing of our names: a mask of joined tensors is made by `concatenate`.
        """
        import keras

        waiting, seen = [last], set()
        while waiting:
            operation = maker(waiting.pop())
            if id(operation) in seen:
                continue
            seen.add(id(operation))
            if not isinstance(operation, keras.Layer) and operation.name in self.used:
                operation.name = self._name(f"{operation.name}_of_masks")
            waiting += [x for inputs, _ in calls(operation) for x in inputs]

    def _concatenated(self) -> Any:
        import keras

        return keras.layers.Concatenate(name=self._name("Concatenate"))(self.starts)

    def _sources(self, entry: Entry, last: Any) -> Any:
        if not entry.sources:
            return last
        for source in entry.sources:
            if source not in self.tensors:
                raise spec.unknown(
                    f"{entry.position}.from should name an input or an earlier layer",
                    source,
                    list(self.tensors),
                )
        tensors = [self.tensors[source] for source in entry.sources]
        return tensors[0] if len(tensors) == 1 else tensors

    def _shared(self, entry: Entry) -> Any:
        """A layer that is there already, whose weights serve another tensor, too."""
        name = entry.arguments["layer"]
        if name not in self.layers:
            raise spec.unknown(
                f"{entry.position}.layer should name an earlier layer", name, list(self.layers)
            )
        return self.layers[name]

    def _layer(self, entry: Entry) -> Any:

        if entry.kind == spec.PRETRAINED:
            from throughline.training.network import pretrained_layers

            name = entry.name or self._name(entry.kind)
            return pretrained_layers.layer(entry.arguments, name, entry.position)
        given = {
            key: value
            for key, value in with_weights(entry, self.vectors).items()
            if key not in spec.CALLED
        }
        if given.get("dtype") in HALVES:
            raise BadNetwork(
                f"{entry.position}.dtype should be float32, bfloat16, mixed_bfloat16 or float64",
                given["dtype"],
                "TensorFlow ends where a processor multiplies float16",
            )
        arguments = {
            key: self._argument(key, value, f"{entry.position}.{key}")
            for key, value in given.items()
        }
        if entry.kind == spec.OUTPUT:
            arguments = self._output_arguments(entry) | arguments
        elif entry.name is not None:
            arguments["name"] = entry.name
        else:
            arguments.setdefault("name", self._name(entry.kind))
        return construct(_class(entry.kind, entry.position), arguments, entry.position)

    def _output_arguments(self, entry: Entry) -> dict[str, Any]:
        several = len(self.outputs) > 1
        (output,) = [self.outputs[str(entry.name)]] if several else self.outputs.values()
        given = {
            key: self._argument(key, value, f"output.{key}")
            for key, value in output.arguments.items()
        }
        return {
            "units": output.units,
            "activation": output.activation,
            "use_bias": output.use_bias,
            "name": output.name,
            **given,
        }

    def _argument(self, key: str, value: Any, place: str) -> Any:
        if key in spec.NESTED and isinstance(value, str | dict):
            return self._layer(spec.nested(value, place))
        for ending, kind in spec.OBJECTS.items():
            if key.endswith(ending) and (isinstance(value, dict) or is_reference(value)):
                return named_object(kind, value if isinstance(value, dict) else {value: {}}, place)
        return tuple(value) if isinstance(value, list) else value

    def _applied(self, layer: Any, tensors: Any, entry: Entry) -> Any:
        try:
            settings = {key: entry.arguments[key] for key in spec.CALLED if key in entry.arguments}
            result = layer(*_called_with(layer, tensors), **settings)
        except Exception as error:
            # Keras checks some arguments itself and others fail in NumPy's or Python's words.
            shapes = (
                [tuple(t.shape) for t in tensors] if isinstance(tensors, list) else tensors.shape
            )
            raise BadNetwork(
                f"{entry.position} should fit what comes before it, of shape {shapes}: "
                f"{first_line(error)}",
                dict(entry.arguments),
            ) from error
        if isinstance(result, list | tuple | dict):
            raise BadNetwork(
                f"{entry.position} should hand one tensor on",
                f"{len(result)} tensors",
                "Write 'network: package.module:function' where several are needed",
            )
        if result is tensors:
            raise BadNetwork(
                f"{entry.position} should make something of what it is given",
                f"{entry.kind}, which in this version of Keras gives back its input",
                "Leave it out",
            )
        return result

    def _name(self, kind: str) -> str:
        base = _snake_case(kind)
        name, count = base, 0
        while name in self.used:
            count += 1
            name = f"{base}_{count}"
        self.used.add(name)
        return name


def _class(kind: str, place: str) -> Any:
    """The class of a layer of the file."""
    import keras

    if is_reference(kind):
        return own.registered(kind, place)

    if kind in spec.OURS:
        from throughline.training.network import positions

        return getattr(positions, kind)
    return keras.layers.Dense if kind == spec.OUTPUT else getattr(keras.layers, kind)


def _called_with(layer: Any, tensors: Any) -> list[Any]:
    """What a layer is called with: most take one tensor or a list, attention a query and a value.

    A single tensor attends to itself.
    """
    needed = [
        each
        for each in inspect.signature(layer.call).parameters.values()
        if each.kind is each.POSITIONAL_OR_KEYWORD and each.default is each.empty
    ]
    if len(needed) < 2:
        return [tensors]
    return tensors if isinstance(tensors, list) else [tensors] * len(needed)


def _snake_case(name: str) -> str:
    """`BatchNormalization` as Keras writes it in layer names: `batch_normalization`."""
    spaced = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name.rpartition(":")[2]))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()
