"""What is relied on of Keras without its promise stands in one file, and is there in this Keras."""

import inspect
import re
from collections import defaultdict
from pathlib import Path

import keras
import pytest

import throughline
from throughline.training import private_keras

ROOM = Path(throughline.__file__).parent
# Attributes of Keras' objects that it does not promise; `\b` so that ours, as `self._layers`, pass.
PRIVATE = re.compile(
    r"(from|import) keras\.src|\._(keras_history|keras_mask|inbound_nodes|outputs_struct"
    r"|flatten_layers|track_variable|trainable_variables|get_variable_index)\b|\"_keras_mask\""
)


def test_nothing_else_relies_on_private_parts():
    found = {
        str(path.relative_to(ROOM))
        for path in ROOM.rglob("*.py")
        if PRIVATE.search(path.read_text())
    }
    assert found == {"training/private_keras.py"}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    start = keras.Input((4,), name="four")
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="inside")])
    masked = keras.layers.Masking(name="masking")(keras.layers.Reshape((4, 1))(start))
    joined = keras.layers.Concatenate(name="joined")([inner(start), start])
    return keras.Model(start, {"joined": joined, "masked": masked})


def test_layers_of_networks_within_networks(model):
    assert "inside" in {layer.name for layer in private_keras.every_layer(model)}
    inner = next(each for each in model.layers if isinstance(each, keras.Sequential))
    assert private_keras.holds_layers(inner)
    assert not private_keras.holds_layers(inner.layers[0])


def test_where_a_tensor_comes_from(model):
    outputs = private_keras.named_outputs(model)
    assert private_keras.maker(outputs["joined"]).name == "joined"
    assert [tuple(each.shape) for each in private_keras.inputs_of(outputs["joined"])] == [
        (None, 3),
        (None, 4),
    ]
    ((inputs, made),) = private_keras.calls(model.get_layer("joined"))
    assert len(inputs) == 2
    assert tuple(made[0].shape) == (None, 7)
    assert private_keras.mask_of(outputs["masked"]) is not None
    assert private_keras.mask_of(keras.ops.ones(3)) is None


def test_outputs_of_a_list_have_their_layers_names(model):
    listed = keras.Model(model.inputs, [model.get_layer("joined").output])
    assert list(private_keras.named_outputs(listed)) == ["joined"]


def test_kinds_of_networks(model):
    assert private_keras.is_functional(model)
    assert not private_keras.is_functional(keras.Sequential([keras.Input((2,))]))


def test_seeds_are_drawn_from_what_is_given():
    class Seven:
        def randint(self, low: int, high: int) -> int:
            return 7

    from keras.src.random import seed_generator

    before = seed_generator.python_random
    private_keras.draw_seeds_from(Seven())
    try:
        assert seed_generator.make_default_seed() == 7
    finally:
        private_keras.draw_seeds_from(before)


def test_names_are_counted_where_we_say():
    before, counts = private_keras.counted_names(), defaultdict(int)
    private_keras.count_names_in(counts)
    try:
        assert keras.layers.Dense(1).name == "dense"
        assert counts["dense"] == 1
    finally:
        private_keras.count_names_in(before)


def test_losses_and_metrics_by_shape():
    one, three = keras.ops.ones((2, 1)), keras.ops.ones((2, 3))
    assert isinstance(
        private_keras.metric_by_shape("accuracy", one, one), keras.metrics.BinaryAccuracy
    )
    assert isinstance(private_keras.loss_by_shape("crossentropy", three, three), keras.losses.Loss)
    assert inspect.isclass(private_keras.loss_of_function())
    value = private_keras.reduced(keras.ops.ones(4), keras.ops.ones(4), "sum", "float32")
    assert float(value) == 4
