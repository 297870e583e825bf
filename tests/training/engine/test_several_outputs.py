"""Several outputs are trained as `model.fit` trains them with a dict of losses and weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.pipeline.schema.training import Training
from throughline.training.engine.engine import fit
from throughline.training.engine.runs import Run
from throughline.training.learner import Learner
from throughline.training.network import heads
from throughline.training.network.agreement import last_activation
from throughline.training.network.build import BadNetwork, Output, build
from throughline.training.network.heads import Head
from throughline.training.objects import optimizers
from throughline.training.objects.choices import BadTraining
from throughline.training.search import handover

ROWS, EPOCHS, BATCH = 72, 3, 16
GENERATOR = np.random.default_rng(7)
X = GENERATOR.normal(size=(ROWS, 5)).astype(np.float32)
TARGETS = {
    "price": GENERATOR.normal(size=(ROWS, 1)).astype(np.float32),
    "sold": (GENERATOR.random((ROWS, 1)) < 0.4).astype(np.float32),
    "kind": GENERATOR.integers(0, 3, ROWS).astype(np.int32),
    "tags": (GENERATOR.random((ROWS, 2)) < 0.5).astype(np.float32),
}
SIDE_BY_SIDE = np.column_stack([each.astype(np.float32) for each in TARGETS.values()])
LOGITS = {"BinaryCrossentropy": {"from_logits": True}}
HEADS = [
    Head("price", "regression", 1, "mae", ["mae", "mse"], 0.5),
    Head("sold", "binary", 1, LOGITS, ["AUC", "accuracy"]),
    Head("kind", "multiclass", 3, None, ["accuracy"], 2.0),
    Head("tags", "multilabel", 2),
]
NETWORK = {
    "layers": [
        {"Dense": {"units": 8, "activation": "relu"}, "name": "shared"},
        {"Dense": {"units": 4, "activation": "tanh", "kernel_regularizer": "L2"}},
        {"Output": {}, "name": "price"},
        {"BatchNormalization": {}},
        {"Output": {}, "name": "kind"},
        {"Output": {"use_bias": False}, "name": "sold", "from": "shared"},
        {"Output": None, "name": "tags", "from": "shared"},
    ]
}


def learner(network: Any, heads: Any = tuple(HEADS), **training: Any) -> Learner:
    section = Training(optimizer="adam", batch_size=BATCH, shuffle=False, **training)
    units = sum(head.units for head in heads)
    types = {"features": "float32"}
    return Learner(
        network, section, "several", units, {"features": (5,)}, types, 0, several=tuple(heads)
    )


def apart(model: Any) -> Any:
    """The network as a user of Keras writes it: a dict of outputs."""
    import keras

    outputs = heads.outputs_of(model, HEADS)
    named = {head.name: output for head, output in zip(HEADS, outputs, strict=True)}
    return keras.Model(model.inputs, named)


@pytest.mark.parametrize(("rows", "weighted"), [(64, False), (72, True)])
def test_as_by_model_fit_with_dicts(rows: int, weighted: bool) -> None:
    """Keras' loss of an output is a mean of batches of any size, and weighed; 64 rows are four."""
    learns = learner(NETWORK)
    weight = GENERATOR.random(ROWS).astype(np.float32) if weighted else None
    held = np.arange(32)
    run = Run({"features": X}, SIDE_BY_SIDE, np.arange(rows), held, 3, weight)
    (ours,) = learns.fit([run], EPOCHS, title="")

    model = apart(learns.build(3))
    metrics = {"price": ["mae", "mse"], "sold": ["AUC", "accuracy"], "kind": ["accuracy"]}
    # Keras judges logits by a half unless told otherwise; ours are probabilities by then.
    import keras

    metrics["sold"] = [
        keras.metrics.AUC(name="AUC", from_logits=True),
        keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),
    ]
    metrics["tags"] = ["accuracy"]
    model.compile(
        optimizers.optimizer(learns.training),
        loss={
            "price": "mae",
            "sold": keras.losses.BinaryCrossentropy(from_logits=True),
            "kind": "sparse_categorical_crossentropy",
            "tags": "binary_crossentropy",
        },
        loss_weights={"price": 0.5, "sold": 1.0, "kind": 2.0, "tags": 1.0},
        metrics=metrics,
    )
    theirs = model.fit(
        X[:rows], {name: each[:rows] for name, each in TARGETS.items()},
        batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0,
        sample_weight=None if weight is None else weight[:rows],
        validation_data=(X[held], {name: each[held] for name, each in TARGETS.items()}),
    )  # fmt: skip

    expected = {v.path: v.numpy() for v in model.variables}
    kept = learns.build(3)
    kept.set_weights(ours.weights)
    for variable in kept.variables:
        np.testing.assert_allclose(
            variable.numpy(), expected[variable.path], rtol=1e-4, atol=1e-5, err_msg=variable.path
        )
    names = {name.replace("_", ".", 1) if "val" not in name else name for name in theirs.history}
    names = {f"val_{n[4:].replace('_', '.', 1)}" if n.startswith("val_") else n for n in names}
    assert set(ours.history) == names
    for name, values in theirs.history.items():
        first, own = ("val_", name[4:]) if name.startswith("val_") else ("", name)
        if weighted and not first and own.endswith("_loss"):
            continue
        found = ours.history[first + own.replace("_", ".", 1)]
        np.testing.assert_allclose(found, values, rtol=2e-4, atol=2e-5, err_msg=name)
    answered = apart(heads.with_answers(kept, HEADS))(X[held])
    found = np.column_stack([np.asarray(answered[head.name]) for head in HEADS])
    np.testing.assert_allclose(ours.validation_predictions, found, atol=1e-5)
    heads.are_probabilities(found, HEADS)


def test_one_target_among_several_alone_is_trained_as_by_itself() -> None:
    """The others weigh next to nothing, and share no layer."""
    layers = [
        {"Dense": {"units": 6}, "name": "a", "from": "features"},
        {"Output": {}, "name": "price"},
        {"Dense": {"units": 6}, "name": "b", "from": "features"},
        {"Output": {}, "name": "sold"},
    ]
    both = learner({"layers": layers}, (Head("price", "regression", 1), HEADS[1]))
    run = Run({"features": X}, SIDE_BY_SIDE[:, :2], np.arange(ROWS), np.arange(9), 3)
    (ours,) = both.fit([run], EPOCHS, title="")
    section = both.training
    make = lambda seed: apart_price(both.build(seed))  # noqa: E731
    alone = Run({"features": X}, TARGETS["price"], np.arange(ROWS), np.arange(9), 3)
    (one,) = fit(make, section, [alone], loss="mse", metrics=["mae"], epochs=EPOCHS)
    np.testing.assert_allclose(
        ours.validation_predictions[:, :1], one.validation_predictions, atol=1e-5
    )
    np.testing.assert_allclose(ours.history["price.mae"], one.history["mae"], rtol=1e-5)


def apart_price(model: Any) -> Any:
    import keras

    return keras.Model(model.inputs, model.get_layer("price").output)


def test_outputs_without_a_place_follow_the_last_layer() -> None:
    model = learner([{"Dense": {"units": 4}}]).build(0)
    shapes = [tuple(each.shape) for each in heads.outputs_of(model, HEADS)]
    assert shapes == [(None, 1), (None, 1), (None, 3), (None, 2)]
    assert {each._keras_history.operation.name for each in heads.outputs_of(model, HEADS)} == {
        "price", "sold", "kind", "tags",
    }  # fmt: skip
    activations = [each._keras_history.operation.activation.__name__ for each in
                   heads.outputs_of(model, HEADS)]  # fmt: skip
    assert activations == ["linear", "linear", "softmax", "sigmoid"]


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([{"Output": {}, "name": "price"}], "none is 'sold'"),
        ([{"Output": {}, "name": "prise"}], "Did you mean 'price'"),
        ([{"Output": {}}], "should have the name of its target"),
        ([{"Output": {"name": "price"}}], "should have the name of its target"),
        ([{"Reshape": {"target_shape": [5, 1]}}], "numbers for a row"),
    ],
)
def test_outputs_that_fit_no_target_are_refused(layers: Any, said: str) -> None:
    with pytest.raises(BadNetwork, match=said):
        learner({"layers": layers}, HEADS[:2]).build(0)


def test_an_output_that_contradicts_its_task_is_refused() -> None:
    layers = [
        {"Output": {"activation": "relu"}, "name": "kind"},
        {"Output": {}, "name": "price", "from": "features"},
    ]
    with pytest.raises(BadNetwork, match="'kind' should be softmax"):
        learner({"layers": layers}, (HEADS[2], HEADS[0])).build(0)


def test_a_loss_that_is_no_mean_of_rows_is_refused() -> None:
    run = Run({"features": X}, SIDE_BY_SIDE[:, :2], np.arange(ROWS), None, 3)
    summed = Head("price", "regression", 1, {"MeanSquaredError": {"reduction": "sum"}})
    with pytest.raises(BadTraining, match=r"targets\.price\.loss"):
        learner([], (summed, HEADS[1])).fit([run], 1, title="")


def test_a_process_is_handed_the_same(tmp_path: Path) -> None:
    learns = learner(NETWORK)
    run = Run({"features": X}, SIDE_BY_SIDE, np.arange(ROWS), None, 3)
    handover.write(tmp_path, learns, [run], {})
    again, _, _ = handover.read(tmp_path)
    assert again.several == tuple(HEADS) and again.likeness == learns.likeness
    heavier = learner(NETWORK, [HEADS[0]._replace(weight=2.0), *HEADS[1:]])
    assert heavier.likeness != learns.likeness


def own_two(inputs: Any, outputs: Any) -> Any:
    """A network of the user's own: a dict of outputs."""
    import keras

    (shape,) = inputs.values()
    start = keras.Input(shape, name="features")
    made = {
        name: keras.layers.Dense(each.units, activation=each.activation)(start)
        for name, each in outputs.items()
    }
    return keras.Model(start, dict(reversed(made.items())))


def own_list(inputs: Any, outputs: Any) -> Any:
    """The same as a list of layers called like the targets."""
    import keras

    (shape,) = inputs.values()
    start = keras.Input(shape, name="features")
    made = [keras.layers.Dense(each.units, name=name)(start) for name, each in outputs.items()]
    return keras.Model(start, made)


def own_one(inputs: Any, outputs: Any) -> Any:
    import keras

    (shape,) = inputs.values()
    start = keras.Input(shape, name="features")
    return keras.Model(start, keras.layers.Dense(2)(start))


@pytest.mark.parametrize("made", [own_two, own_list])
def test_a_function_of_ones_own_names_its_outputs(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from throughline.training.network import own

    monkeypatch.setattr(own, "imported", lambda reference, place: made)
    asked = [Output(1, last_activation(None, "regression"), "price"), Output(3, "linear", "kind")]
    model = build("mine:network", {"features": (5,)}, asked)
    shapes = [tuple(each.shape) for each in heads.outputs_of(model, [HEADS[0], HEADS[2]])]
    assert shapes == [(None, 1), (None, 3)]


def test_a_function_that_returns_other_outputs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from throughline.training.network import own

    monkeypatch.setattr(own, "imported", lambda reference, place: own_one)
    with pytest.raises(BadNetwork, match="outputs price, sold"):
        build("mine:network", {"features": (5,)}, [Output(1, "linear", "price"),
                                                   Output(1, "sigmoid", "sold")])  # fmt: skip
