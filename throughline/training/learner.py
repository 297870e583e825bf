"""What the pipeline file says about learning, ready for the engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline
from throughline.pipeline.problem import PROBLEMS
from throughline.preprocessing.sparse import Sparse
from throughline.samples.windows.gathered import Windowed
from throughline.training.network import agreement, heads
from throughline.training.network.heads import Head

if TYPE_CHECKING:
    from pathlib import Path

    import keras

    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.training import Training
    from throughline.samples.samples import FoldArrays, Samples
    from throughline.training.engine.runs import Fitted, Run


@dataclass(frozen=True)
class Learner:
    """A network that can be built and trained any number of times.

    Attributes:
        network: the section `network`.
        training: the section `training`.
        task: the problem type; loss, metrics and the last layer follow from it.
        units: of the output layer.
        shapes: for each network input the shape of one row.
        dtypes: for each network input `int32` for token numbers, else `float32`.
        rescaling: for network inputs of pictures the factor and offset of the first layer.
        default_seed: for a pipeline that sets none.
        vectors: for network inputs of token numbers the weights of an Embedding, if wanted.
        several: a head for each of several targets, whose units are all `units`; none for one.
    """

    network: Any
    training: Training
    task: str
    units: int
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    default_seed: int
    rescaling: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    several: tuple[Head, ...] = ()

    @property
    def heads(self) -> Sequence[Head]:
        """The answers of the network: of the one target, or of each of several."""
        if self.several:
            return self.several
        return [Head("", self.task, self.units, self.training.loss, self.training.metrics)]

    def builds_like(self, other: Learner) -> bool:
        """Whether the other learner's runs may be trained by this one."""
        return self.shapes == other.shapes and not self.vectors and not other.vectors

    @property
    def rate(self) -> float | None:
        """The learning rate, where the file gives the optimizer a number."""
        arguments = self._optimizer_arguments(self.training.optimizer)
        rate = arguments.get("learning_rate")
        return float(rate) if isinstance(rate, int | float) else None

    @property
    def likeness(self) -> str:
        """Equal for learners that differ in nothing but the seed and the number of `rate`."""
        training = self.training.model_dump(mode="json", exclude={"seed"})
        if self.rate is not None:
            self._optimizer_arguments(training["optimizer"])["learning_rate"] = "any"
        fields = [self.network, self.task, self.units, self.shapes, self.dtypes, self.rescaling]
        return json.dumps([training, *fields, *self.several], default=str)

    @staticmethod
    def _optimizer_arguments(optimizer: Any) -> dict[str, Any]:
        if isinstance(optimizer, str):
            return {}
        ((_, arguments),) = optimizer.items()
        return arguments if isinstance(arguments, dict) else {}

    @property
    def seed(self) -> int:
        """Of weights, shuffling and dropout."""
        return self.default_seed if self.training.seed is None else self.training.seed

    @property
    def metrics(self) -> Sequence[Any]:
        """Keras metrics that are recorded each epoch."""
        return self.training.metrics or PROBLEMS[self.task].metrics

    def build(self, seed: int) -> keras.Model:
        """The network with the initial weights of a seed."""
        from throughline.training.network.build import Output, build

        outputs = [
            Output(
                head.units, agreement.last_activation(head.loss, head.task), head.name or "output"
            )
            for head in self.heads
        ]
        model = build(
            self.network, self.shapes, outputs,
            dtypes=self.dtypes, seed=seed, rescaling=self.rescaling, vectors=self.vectors,
        )  # fmt: skip
        heads.agree(model, self.heads)
        return model

    def fit(
        self,
        runs: Sequence[Run],
        epochs: int | None = None,
        *,
        title: str = "training",
        checkpoints: Path | None = None,
        began: float | None = None,
        together: bool = False,
        only: Sequence[int] | None = None,
    ) -> list[Fitted]:
        """Train every run, with a progress bar on a terminal.

        Args:
            runs: trainings whose inputs all have the shapes above.
            epochs: how many. Default: as the section `training` says.
            title: of the progress bar. Default: `training`.
            checkpoints: folder from which a killed training goes on. Default: none.
            began: when the work began of which this is a part. Default: now.
            together: side by side in one program. Default: in turn.
            only: positions of the runs that this process trains. Default: all.

        Returns:
            One result a run, in their order.
        """
        from throughline.training.engine.engine import fit
        from throughline.training.network.phases import as_it_is, in_phases
        from throughline.training.progress import progress

        most = self.training.max_epochs if epochs is None else epochs
        some = runs if only is None else [runs[i] for i in only]
        if most == 0:
            return as_it_is(self.build, some)
        warm_up = self.training.warm_up
        most += warm_up.epochs if warm_up else 0
        with progress(title, len(some), most) as watcher:
            fitting = partial(
                fit,
                loss=PROBLEMS[self.task].loss,
                metrics=self.metrics,
                answer=agreement.answer_activation(self.training.loss, self.task),
                heads=self.several,
                watcher=watcher,
                checkpoints=checkpoints,
                began=began,
            )
            if warm_up is None:
                return fitting(
                    self.build, self.training, runs, epochs=epochs, together=together, only=only
                )
            return in_phases(
                self.build,
                self.training,
                runs,
                lambda build, training, some, only: fitting(build, training, some, only=only),
                only,
            )


def learner_of(view: Pipeline, samples: Samples, arrays: FoldArrays, default_seed: int) -> Learner:
    """The learner of a branch, for its prepared samples.

    Args:
        view: a pipeline with `network`, `training` and `task`.
        samples: its prepared data.
        arrays: the network's inputs, of all samples or as a fold has them.
        default_seed: for a pipeline that sets none.
    """
    from throughline.training.network.pretrained_layers import located

    network = located(view.network, samples.bottleneck)
    inputs, vectors, rescaling = arrays
    several = heads.of_targets(view.targets, samples.summary["target"])
    return learner(view, inputs, samples.units, default_seed, rescaling, network, vectors, several)


def learner(
    view: Pipeline,
    arrays: Mapping[str, np.ndarray | Windowed | Sparse],
    units: int,
    default_seed: int,
    rescaling: Mapping[str, Any] | None = None,
    network: Any = None,
    vectors: Mapping[str, np.ndarray] | None = None,
    several: Sequence[Head] = (),
) -> Learner:
    """The learner of a branch.

    Args:
        view: a pipeline with `network`, `training` and `task`.
        arrays: its network inputs, rows first.
        units: of the output layer.
        default_seed: for a pipeline that sets none.
        rescaling: of the inputs that are pictures. Default: none.
        network: the section with its pretrained layers located. Default: the view's.
        vectors: for inputs of token numbers the weights of an Embedding. Default: none.
        several: a head for each of several targets. Default: there is one.

    Raises:
        BadPipeline: the last layer, the loss and the task contradict each other.
    """
    contradictions = agreement.check(view.network, view.training, view.task)
    for problem in contradictions or agreement.check_targets(view.network, view.targets):
        raise BadPipeline(problem)
    shapes = {name: array.shape[1:] for name, array in arrays.items()}
    dtypes = {
        name: "int32" if array.dtype == np.int32 else "float32" for name, array in arrays.items()
    }
    return Learner(
        view.network if network is None else network,
        view.training, view.task, units, shapes, dtypes, default_seed, dict(rescaling or {}),
        dict(vectors or {}), tuple(several),
    )  # fmt: skip
