"""Which way a figure is better is Keras' own answer, and everybody who judges asks the same one."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from throughline.errors import BadPipeline
from throughline.evaluation.measure.evaluated import EVALUATED, FACTS
from throughline.figures import learned
from throughline.figures.learned import (
    FILE,
    figure,
    figures,
    folded,
    known,
    loss,
    problems,
)
from throughline.pipeline.schema.protocol import CrossValidation, Sweep
from throughline.pipeline.schema.training import Training
from throughline.training.catalogue import catalogue
from throughline.training.catalogue.directions import collect, needed
from throughline.training.engine import watch
from throughline.training.engine.runs import in_unit
from throughline.training.folds.folded import Folded, best_epoch, paired
from throughline.training.folds.intervals import corrected_interval
from throughline.training.network import heads
from throughline.training.search.sweeps import _best

# Keras is set up before it computes anything, for the tests that follow in this process, too.
pytestmark = pytest.mark.usefixtures("keras")

DIRECTED = sorted(name for name, direction in known().items() if direction)
UNDIRECTED = sorted(name for name, direction in known().items() if not direction)
PROTOCOL = CrossValidation(folds=3)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def training(metric: Any, **more: Any) -> Training:
    return Training.model_validate({"metrics": [metric], **more})


def named(training: Training) -> dict[str, Any]:
    return figures(training, "mean_squared_error", ())


def fold_scores(values: list[float], of: dict[str, Any]) -> Folded:
    name = next(name for name in of if name != "loss")
    histories = [{"loss": [0.1], name: [v], "val_loss": [0.1], f"val_{name}": [v]} for v in values]
    return Folded(histories, [1] * len(values), (60.0, 30.0), PROTOCOL, None, "val_loss", of)


class TestDirections:
    def test_are_those_of_the_installed_keras(self) -> None:
        assert json.loads(FILE.read_text()) == collect()

    @pytest.mark.parametrize("name", DIRECTED)
    def test_are_those_that_keras_callbacks_follow(self, name: str) -> None:
        """What `EarlyStopping` itself takes for better, of a metric with the arguments it needs."""
        import keras
        from keras.src.trainers.compile_utils import MetricsList

        cls = getattr(keras.metrics, name)
        metric = cls(**needed(cls) | {"name": "mine"})
        callback = keras.callbacks.EarlyStopping(monitor="val_mine")
        callback.set_model(SimpleNamespace(metrics=[MetricsList([metric])]))
        callback._set_monitor_op()
        rises = bool(callback.monitor_op(2.0, 1.0))
        assert figure({name: needed(cls) | {"name": "mine"}}).rises is rises
        assert figure({name: needed(cls) | {"name": "mine"}}).is_better(2.0, 1.0) is rises

    @pytest.mark.parametrize("name", sorted(catalogue.read()["losses"]))
    def test_of_losses_is_down(self, name: str) -> None:
        for spelling in (name, snake(name), {name: {}}):
            assert loss(spelling).rises is False

    def test_are_of_every_metric_that_a_file_may_name(self) -> None:
        assert set(catalogue.read()["metrics"]) == set(known())

    @pytest.mark.parametrize("name", DIRECTED)
    @pytest.mark.parametrize("spelling", ["class", "snake", "renamed"])
    def test_are_asked_by_stopping_choice_sweep_variant_and_interval(
        self, name: str, spelling: str
    ) -> None:
        choice: Any = {
            "class": name, "snake": snake(name), "renamed": {name: {"name": "mine"}},
        }[spelling]  # fmt: skip
        printed = figure(choice).name
        up = known()[name] == "up"
        watched = {"max": 9, "patience": 2, "monitor": f"val_{printed}"}
        section = training(choice, epochs=watched, schedule="ReduceLROnPlateau")
        of = named(section)
        columns = ["loss", printed, "val_loss", f"val_{printed}"]
        stopping = watch.stopping(section, columns, of)
        assert stopping is not None
        assert stopping.largest is up
        slower = {"ReduceLROnPlateau": {"monitor": f"val_{printed}"}}
        plateau = watch.plateau(training(choice, schedule=slower), columns, of)
        assert plateau is not None
        assert plateau.largest is up

        histories = [{f"val_{printed}": [0.2, 0.9, 0.5]}, {f"val_{printed}": [0.1, 0.8, 0.5]}]
        assert best_epoch(histories, f"val_{printed}", of) == (2 if up else 1)
        points = [{"metrics": {"loss": {"mean": 1.0}, printed: {"mean": v}}} for v in (0.2, 0.9)]
        sweep = Sweep.model_validate({"over": {"training.loss": ["mse", "mae"]}})
        assert _best(sweep, points, of) == {"best": 1 if up else 0, "by": printed}

        better, worse = fold_scores([0.9, 0.91, 0.92], of), fold_scores([0.5, 0.51, 0.52], of)
        assert paired(better, worse)[printed]["verdict"] == ("better" if up else "worse")
        scores = np.array([0.99, 1.0, 0.999] if up else [0.0, 0.01, 0.001])
        low, high = corrected_interval(scores, 60, 30, within=of[printed].limits)
        assert of[printed].limits.low <= low
        assert high <= of[printed].limits.high

    @pytest.mark.parametrize("name", UNDIRECTED)
    def test_that_nobody_knows_are_asked_for(self, name: str) -> None:
        watched = {"max": 9, "patience": 2, "monitor": f"val_{name}"}
        with pytest.raises(BadPipeline, match=r"epochs\.mode must say"):
            named(training(name, epochs=watched))
        assert named(training(name, epochs={**watched, "mode": "max"}))[name].rises is True
        of = named(training(name))
        assert name not in paired(
            fold_scores([3.0, 4.0, 5.0], of), fold_scores([1.0, 2.0, 3.0], of)
        )
        slower = {"ReduceLROnPlateau": {"monitor": f"val_{name}"}}
        with pytest.raises(BadPipeline, match=r"ReduceLROnPlateau\.mode must say"):
            watch.plateau(training(name, schedule=slower), [f"val_{name}"], of)

    def test_the_loss_falls_and_accuracy_rises(self) -> None:
        of = figures(Training(), "binary_crossentropy", ("accuracy",))
        assert (of["loss"].rises, of["accuracy"].rises) == (False, True)


class TestNames:
    """Two curves of one name were one, judged by the direction of the second."""

    @pytest.mark.parametrize(
        "metrics",
        [
            [{"AUC": {"name": "loss"}}],
            ["AUC", {"MeanSquaredError": {"name": "AUC"}}],
            ["AUC", "AUC"],
            [{"AUC": {"name": "val_auc"}}],
            [{"AUC": {"name": ""}}],
        ],
    )
    def test_are_of_one_figure_each(self, metrics: list[Any]) -> None:
        section = Training.model_validate({"metrics": metrics})
        (found,) = problems(section, "mse", (), scaled=False)
        assert "training.metrics: each needs a name of its own" in found
        (found,) = problems(section, "mse", (), scaled=False, target="price")
        assert "targets.price.metrics: each needs a name of its own" in found
        head = heads.Head("price", "regression", 1, "mse", metrics)
        with pytest.raises(BadPipeline, match=r"targets\.price\.metrics: each"):
            heads.figures(Training(), [head])


class TestUnits:
    def test_a_loss_and_a_metric_that_are_one_quantity_agree(self) -> None:
        """A loss of 4026 stood beside an error of 51.4 that is the same quantity."""
        section = training("mae", loss="mae").model_copy(update={"metrics": ["mae", "R2Score"]})
        history = {"loss": [0.5], "mae": [0.5], "R2Score": [0.9], "val_R2Score": [0.8]}
        found = in_unit(history, 78.3, named(section))
        assert found["loss"] == found["mae"] == [0.5 * 78.3]
        assert (found["R2Score"], found["val_R2Score"]) == ([0.9], [0.8])

    @pytest.mark.parametrize(
        ("name", "power"),
        [("mean_squared_error", 2), ("mse", 2), ("RootMeanSquaredError", 1), ("r2_score", 0)],
    )
    def test_is_the_power_of_the_targets_own(self, name: str, power: int) -> None:
        """Measured by Keras on a target and on the scaled target."""
        import keras

        generator = np.random.default_rng(0)
        actual, answered = generator.normal(50, 9, (2, 40, 1)).astype("float32")
        cls = next(c for c in known() if figure(c).name == c and _same(c, name))
        metric = getattr(keras.metrics, cls)()
        values = []
        for shift, unit in ((0.0, 1.0), (48.0, 7.5)):
            metric.reset_state()
            metric.update_state((actual - shift) / unit, (answered - shift) / unit)
            values.append(float(metric.result()))
        assert figure(name).power == power
        assert figure(name).in_unit([values[1]], 7.5)[0] == pytest.approx(values[0], rel=1e-4)

    def test_a_metric_that_a_scaled_target_cannot_have_is_refused(self) -> None:
        section = training("mape")
        (told,) = problems(section, "mse", (), scaled=True)
        assert "mape of a scaled target says nothing" in told
        assert problems(section, "mse", (), scaled=False) == []

    def test_the_power_of_the_loss_is_its_own(self) -> None:
        assert [loss(name).power for name in ("mae", "mse", "mean_absolute_error")] == [1, 2, 1]
        assert loss("Huber").power is None


def _same(cls: str, name: str) -> bool:
    aliases = {"mse": "meansquarederror"}
    return cls.lower() == aliases.get(name, name.replace("_", "").lower())


CODE = Path(learned.__file__).parents[1]
# Where figures are declared, each beside its formula.
DECLARED = {"figures", "evaluation/measure"}
# Keras' names of classes and of their arguments, as `python -m` of the module beside each wrote
# them; the share that PrecisionAtRecall takes is called `recall`.
OF_KERAS = {"cli/required.json", "training/catalogue/layers.json", "cli/ranges.py"}
# Words that name a figure only to those who know that it is one.
WORDS = {"loss", "mean", "sum"}


def metric_tables(text: str) -> list[int]:
    """The lines of a module with two names of metrics or more side by side."""
    every = {folded(name) for name in (*known(), *learned.SHORT_NAMES)}
    every |= {folded(name) for name in EVALUATED if name not in FACTS} - WORDS
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict | ast.MatchOr)
        and len(
            {
                folded(str(each.value))
                for entry in (getattr(node, "elts", None) or getattr(node, "keys", None) or [])
                + getattr(node, "patterns", [])
                for each in ast.walk(entry or node)
                if isinstance(each, ast.Constant)
            }
            & (every - WORDS)
        )
        > 1
    ]


def test_no_other_table_of_metric_names_is_in_the_code() -> None:
    found = {
        f"{path.relative_to(CODE).as_posix()}:{line}"
        for path in CODE.rglob("*.py")
        if path.relative_to(CODE).parent.as_posix() not in DECLARED
        if path.relative_to(CODE).as_posix() not in OF_KERAS
        for line in metric_tables(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize("ending", ["js", "json", "html"])
def test_nor_in_its_templates_and_scripts(ending: str) -> None:
    names = "|".join(map(re.escape, sorted({*known(), *EVALUATED} - {*FACTS, *WORDS, "recall"})))
    quoted = re.compile(rf"[\"'](?:{names})[\"']\s*[,:][^\n}}]{{0,40}}?[\"'](?:{names})[\"']")
    files = {path.relative_to(CODE).as_posix(): path for path in CODE.rglob(f"*.{ending}")}
    found = {name for name, path in files.items() if quoted.search(path.read_text("utf-8"))}
    assert found - OF_KERAS - {"figures/keras.json"} == set()


@pytest.mark.parametrize(
    "table",
    [
        "RISING = ('accuracy', 'AUC')",
        "BETTER = {'mae': False, 'r2': True}",
        "if name in {'mean_squared_error', 'RootMeanSquaredError'}: pass",
        "FALLING = frozenset(['mase', 'rmse'])",
        "UNITS = [('mae', 1), ('mse', 2)]",
        "match name:\n case 'precision' | 'recall': pass",
    ],
)
def test_a_new_table_of_metric_names_would_be_seen(table: str) -> None:
    assert metric_tables(table)


def test_figures_of_several_targets_are_in_the_unit_of_each() -> None:
    section = [
        heads.Head("price", "regression", 1, "mse", ["mae"]),
        heads.Head("area", "regression", 1),
        heads.Head("sold", "binary", 1),
    ]
    found = heads.figures(Training(), section)
    curves = {name: [1.0] for name in (*found, *(f"val_{each}" for each in found))}
    in_units = in_unit(curves, {"price": 10.0, "area": 2.0, "sold": 1.0}, found)
    assert {name: values for name, (values,) in in_units.items() if "val_" not in name} == {
        "loss": 1.0, "price.loss": 100.0, "price.mae": 10.0, "area.loss": 4.0, "area.mae": 2.0,
        "sold.loss": 1.0, "sold.accuracy": 1.0,
    }  # fmt: skip
    assert in_units["val_price.mae"] == [10.0]


def test_figures_of_a_pipeline_come_from_its_task() -> None:
    from throughline.training.folds.validation import figures_of

    view: Any = SimpleNamespace(
        task="regression",
        training=Training(),
        target=SimpleNamespace(scale="standard"),
        targets={},
    )
    assert {name: each.power for name, each in figures_of(view).items()} == {"loss": 2, "mae": 1}
