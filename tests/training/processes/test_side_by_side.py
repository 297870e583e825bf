"""Trainings together, in processes and in turn end with the same results."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.processes.side_by_side import NETWORKS, difference, fitted, groups
from throughline.errors import BadPipeline
from throughline.pipeline.schema.training import Training, WarmUp
from throughline.samples.windows.gathered import Ahead, Windowed
from throughline.training.divergence import Diverged
from throughline.training.engine import together
from throughline.training.engine.runs import Fitted, Run
from throughline.training.engine.stacked import PerRun, blocks, joined, split
from throughline.training.learner import Learner
from throughline.training.search import handover, processes, side_by_side, work
from throughline.training.search.processes import DeadWorker, Workers
from throughline.training.search.side_by_side import Group, SideBySide, chosen, fitted_or_raised

SCRIPT = Path(__file__).with_name("side_by_side.py")
ROOT = SCRIPT.parents[3]


def trained(how: Any, some: list[Group]) -> list[Fitted]:
    with SideBySide() as trainings:
        return fitted(trainings, some, how)


def with_training(group: Group, **settings: Any) -> Group:
    training = Training(**{**group.learner.training.model_dump(), **settings})
    return Group(dataclasses.replace(group.learner, training=training), group.runs)


def windows() -> list[Group]:
    """Two folds in time, each with a series and targets scaled its own way."""
    steps, rng = 50, np.random.default_rng(3)
    series = rng.normal(size=(steps, 2)).astype(np.float32)
    ends, offsets = np.arange(4, 46, dtype=np.int32), np.arange(-4, 1, dtype=np.int32)
    found = []
    for number, training in enumerate((np.arange(20), np.arange(30))):
        spread = series[training].std(0)
        scale = np.stack([series[training].mean(0), spread])[:, :1].astype(np.float32)
        inputs = {"features": Windowed((series / spread).astype(np.float32), ends, offsets)}
        target = Ahead(
            series[:, :1], ends, np.array([1, 3], np.int32), np.array([0, 0], np.int32),
            "difference", scale, np.array([2], np.int32),
        )  # fmt: skip
        settings = Training(optimizer="adam", batch_size=8, epochs=3)
        learner = Learner(
            [{"GRU": {"units": 3}}], settings, "forecast", 2, {"features": (5, 2)},
            {"features": "float32"}, 0,
        )  # fmt: skip
        held = np.arange(len(training) + 2, len(training) + 10)
        found.append(Group(learner, [Run(inputs, target, training, held, number)]))
    return found


class TestTheThreeWays:
    def test_together_is_in_turn_to_the_bit(self) -> None:
        some = groups("dense")
        assert difference(trained("in-turn", some), trained("together", some)) == 0

    @pytest.mark.slow
    @pytest.mark.parametrize(("backend", "allowed"), [("tensorflow", 0.0), ("jax", 1e-5)])
    def test_every_network(self, backend: str, allowed: float) -> None:
        if backend == "jax":
            pytest.importorskip("jax", reason="the extra 'jax' is not installed")
        done = subprocess.run(
            [sys.executable, str(SCRIPT), backend, *NETWORKS],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        found = json.loads(done.stdout)
        assert set(found) == set(NETWORKS)
        assert {name: ways["processes"] for name, ways in found.items()} == dict.fromkeys(found, 0)
        assert max(ways["together"] for ways in found.values()) <= allowed

    @pytest.mark.slow
    def test_folds_in_time(self) -> None:
        expected = trained("in-turn", windows())
        for how in ("together", "processes"):
            assert difference(expected, trained(how, windows())) <= 1e-6

    @pytest.mark.slow
    def test_the_first_run_that_diverges_is_named(self) -> None:
        (group,) = groups("dense")
        rate = with_training(group, optimizer={"SGD": {"learning_rate": 1e30}}, epochs=5)
        told = []
        for how in ("in-turn", "together", "processes"):
            with pytest.raises(Diverged) as caught:
                trained(how, [rate])
            told.append((str(caught.value), caught.value.epoch, caught.value.rows.tolist()))
        assert told[0] == told[1] == told[2]


class TestTogether:
    def test_as_many_as_memory_allows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        some = groups("dense")
        expected = trained("in-turn", some)
        sizes = []
        tables = together._Group._tables

        def counted(self: Any, *given: Any) -> Any:
            sizes.append(len(self.runs))
            return tables(self, *given)

        monkeypatch.setattr(together._Group, "_tables", counted)
        monkeypatch.setattr(together, "LARGEST_TOGETHER", 1)
        assert difference(expected, trained("together", some)) == 0
        assert set(sizes) == {1}

    def test_holds_data_once(self) -> None:
        one, other = np.arange(6.0), np.arange(10.0, 14.0)
        block = blocks([one, other, one], lambda array: array)
        assert block.array.tolist() == [*one, *other]
        assert block.start.tensor.tolist() == [0, 6, 0]
        assert blocks([one, one], lambda array: array).array is one

    def test_splitting_and_joining(self) -> None:
        tree = ([PerRun(np.arange(3)), 7], blocks([np.ones(2), np.zeros(2)], np.asarray))
        own, shared = split(tree)
        back = joined([tensor[1] for tensor in own], shared)
        assert back[0] == [1, 7] and back[1].start == 2 and back[1].array.tolist() == [1, 1, 0, 0]

    def test_refuses_a_warm_up(self) -> None:
        (group,) = groups("dense")
        warm = with_training(group, warm_up=WarmUp(epochs=1))
        with pytest.raises(BadPipeline, match=r"warm-up.*processes or in-turn"):
            trained("together", [warm])

    def test_refuses_folds_whose_networks_differ(self) -> None:
        (group,) = groups("dense")
        other = dataclasses.replace(group.learner, shapes={"features": (7,)})
        with pytest.raises(BadPipeline, match=r"same shapes.*in-turn"):
            trained(
                "together", [Group(group.learner, group.runs[:1]), Group(other, group.runs[1:2])]
            )


class TestProcesses:
    def test_one_that_dies_is_an_error(self) -> None:
        workers = Workers({"backend": "tensorflow", "device": "cpu"}, 1)
        try:
            os.kill(workers.processes[0].pid, signal.SIGKILL)
            with pytest.raises(DeadWorker, match=r"process 1 of 1 ended by signal 9.*in-turn"):
                list(workers.each(iter([groups("dense")]), None, None, "folds"))
        finally:
            workers.close()

    @pytest.mark.slow
    def test_who_does_not_wait_for_the_end_gets_new_ones(self) -> None:
        """What the old ones were at would be taken for an answer to the next call."""
        expected = trained("in-turn", groups("dense"))
        with SideBySide() as trainings:
            some = trainings.each([groups("dense"), groups("conv")], "processes", "", 2)
            assert difference(expected, fitted_or_raised(next(some))) == 0
            left = trainings.workers
            some.close()  # type: ignore[attr-defined]
            assert left is not None and left.closed
            assert difference(expected, fitted(trainings, groups("dense"), "processes")) == 0
            assert trainings.workers is not left

    def test_one_that_cannot_start_says_why(self) -> None:
        workers = Workers({"backend": "nothing"}, 1)
        try:
            with pytest.raises(DeadWorker, match=r"exit code 1.*backend should be one of"):
                list(workers.each(iter([groups("dense")]), None, None, "folds"))
        finally:
            workers.close()

    def test_ends_when_its_parent_does(self) -> None:
        command = [sys.executable, "-m", "throughline.training.search.worker", '{"device": "cpu"}']
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        process.communicate(timeout=60)
        assert process.returncode == 0

    def test_each_has_a_gpu_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = []

        class Started:
            stdout: tuple[str, ...] = ()

            def __init__(self, command: list[str], env: dict[str, str], **more: Any) -> None:
                seen.append(env["CUDA_VISIBLE_DEVICES"])

        monkeypatch.setattr(processes.subprocess, "Popen", Started)
        Workers({}, 2, ["0", "1"])
        assert seen == ["0", "1"]


class TestHandover:
    def test_what_is_read_is_what_was_written(self, tmp_path: Path) -> None:
        for number, group in enumerate([*groups("conv"), *windows()]):
            folder = tmp_path / str(number)
            folder.mkdir()
            handover.write(folder, group.learner, group.runs, {"began": 1.5})
            learner, runs, settings = handover.read(folder)
            assert (learner, settings) == (group.learner, {"began": 1.5})
            for run, other in zip(group.runs, runs, strict=True):
                rows = np.arange(5)
                assert run.seed == other.seed
                np.testing.assert_array_equal(run.train_rows, other.train_rows)
                np.testing.assert_array_equal(run.target[rows], other.target[rows])
                for name in run.inputs:
                    np.testing.assert_array_equal(run.inputs[name][rows], other.inputs[name][rows])

    def test_arrays_that_runs_share_are_written_once(self, tmp_path: Path) -> None:
        (group,) = groups("dense")
        handover.write(tmp_path, group.learner, group.runs, {})
        # Two arrays, one target, and the rows of three folds.
        assert len(list(tmp_path.glob("*.npy"))) == 2 + 1 + 3 * 2

    def test_results(self, tmp_path: Path) -> None:
        fitted = Fitted(
            [np.ones((2, 3)), np.zeros(3)], {"loss": [0.1, 1 / 3]}, 2, 2, 0.5, np.ones(4)
        )
        handover.write_fitted(tmp_path, 1, fitted)
        found = handover.read_fitted(tmp_path, 1)
        assert found.history == fitted.history and found.seconds == 0.5
        assert difference([fitted], [found]) == 0


class TestTheEnginesChoice:
    def test_many_short_parts_are_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(side_by_side, "places", lambda: (2, []))
        (group,) = groups("conv")
        some = [with_training(group, epochs=10**5)]
        assert chosen(some) == "in-turn"
        assert chosen(some, 1000) == "processes"

    def test_short_trainings_go_in_turn(self) -> None:
        assert chosen(groups("dense")) == "in-turn"

    def test_long_ones_in_processes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(side_by_side, "places", lambda: (2, []))
        (group,) = groups("conv")
        long = with_training(group, epochs=10**8)
        assert chosen([long]) == "processes"
        monkeypatch.setattr(work, "free_bytes", lambda: 10**9)
        assert chosen([long]) == "in-turn"

    def test_one_core_is_enough_for_one_training_only(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(side_by_side, "places", lambda: (1, []))
        (group,) = groups("conv")
        assert chosen([with_training(group, epochs=10**8)]) == "in-turn"

    @pytest.mark.parametrize(
        ("name", "products"),
        [
            ("dense", 6 * 8 + 8 * 3),
            ("conv", 6 * 6 * 3 * 3 * 4 + 3 * 3 * 4 * 3),
            ("gru", 9 * (3 + 8) * 24 + 8 * 3),
        ],
    )
    def test_products_of_a_row(self, name: str, products: int) -> None:
        (group,) = groups(name)
        assert work.products(group.learner.build(0)) == products
