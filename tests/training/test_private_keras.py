"""What is relied on of Keras without its promise stands in one file, and is there in this Keras."""

import ast
import importlib.util
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

import throughline
from throughline.training import private_keras

ROOM = Path(throughline.__file__).parent
# Attributes that begin with an underscore and are promised, or another library's: named tuples,
# the end of a process, urllib3's connections, pip's finder, which pip alone runs, and what
# scikit-learn's models begin their `fit` with, without which `check` says nothing.
OTHERS = {
    "_replace", "_asdict", "_fields", "_exit", "_new_conn", "_build_package_finder",
    "_validate_params",
}  # fmt: skip
KERAS_NAMES = re.compile(r"keras\.(src|_tf_keras)\b|_keras_(history|mask)")


def private_names(tree: ast.AST) -> Iterator[str]:
    """Attributes with an underscore that a module asks for, and names of Keras' inner modules."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    said = {
        each.body[0].value
        for each in ast.walk(tree)
        if isinstance(each, documented) and each.body and isinstance(each.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if re.match(r"_[a-z]", name):
                yield name
            case ast.Call(func=ast.Name(id="getattr" | "hasattr" | "setattr")):
                name = getattr(node.args[1], "value", "")
                if re.match(r"_[a-z]", str(name)):
                    yield str(name)
            case ast.ImportFrom(module=str(name)) | ast.Import(names=[ast.alias(name=name), *_]):
                if KERAS_NAMES.search(name):
                    yield name
            case ast.Constant(value=str(text)) if node not in said and KERAS_NAMES.search(text):
                yield text


def own_names(tree: ast.AST) -> Iterator[str]:
    """What a module defines itself."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.Name(id=name):
                yield name
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name


def test_nothing_else_relies_on_private_parts():
    """It once knew nine names, and a tenth stood elsewhere."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in ROOM.rglob("*.py")}
    ours = {name for tree in trees.values() for name in own_names(tree)} | OTHERS
    found = {
        (str(path.relative_to(ROOM)), name)
        for path, tree in trees.items()
        if path.name not in ("private_keras.py", "private_dvc.py")
        for name in set(private_names(tree)) - ours
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        "layer._inbound_nodes",
        "getattr(metric, '_direction', None)",
        "from keras.src.losses import loss",
        "import keras.src",
        "importlib.import_module('keras.src.backend')",
        "vars(tensor)['_keras_mask']",
    ],
)
def test_another_private_part_would_be_seen(line: str):
    assert list(private_names(ast.parse(f"x = 1\n{line}")))


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


def test_functions_that_keras_wrapped():
    metric = keras.metrics.MeanMetricWrapper(keras.losses.mean_absolute_error)
    loss = private_keras.loss_of_function()(keras.losses.mean_absolute_error)
    assert private_keras.function_of(metric) is keras.losses.mean_absolute_error
    assert private_keras.function_of(loss) is keras.losses.mean_absolute_error


def test_directions_of_metrics():
    assert private_keras.direction(keras.metrics.AUC()) == "up"
    assert private_keras.direction(keras.metrics.MeanSquaredError()) == "down"
    assert private_keras.direction(keras.metrics.Sum()) is None


def test_the_learning_rate_is_a_variable_of_the_optimizer():
    optimizer = keras.optimizers.Adam(0.5)
    rate = private_keras.rate_variable(optimizer)
    assert any(each is rate for each in optimizer.variables)
    assert float(rate.value) == 0.5


def test_optimizers_step_without_their_variables(model):
    optimizer = private_keras.stateless(keras.optimizers.Nadam(0.1, use_ema=True))
    weight = keras.Variable(keras.ops.ones(2))
    optimizer.build([weight])
    private_keras.track(optimizer)
    (stepped,), state = optimizer.stateless_apply(
        [each.value for each in optimizer.variables], [keras.ops.ones(2)], [weight.value]
    )
    assert float(stepped[0]) < 1 == float(weight.value[0])
    averages = private_keras.averages(optimizer, state)
    assert averages is not None
    assert len(averages) == 1


def test_modules_and_operations_are_where_we_say(model):
    assert all(importlib.util.find_spec(each) for each in private_keras.PACKAGES)
    start = keras.Input((2,))
    saved = keras.Model(start, keras.ops.exp(start)).get_config()
    (operation,) = (each for each in saved["layers"] if each["class_name"] == "Exp")
    assert operation["module"].startswith(private_keras.OPERATIONS)


def test_an_error_of_a_layer_is_told_without_its_frame():
    class Broken(keras.layers.Layer):
        def call(self, _):
            raise ValueError("no such thing")

    with pytest.raises(ValueError, match="Arguments received by") as raised:
        Broken()(keras.ops.ones(3))
    assert private_keras.without_frame(raised.value) == "no such thing"
