"""The `training:` section of a pipeline file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from throughline.pipeline.strict import Strict


def _one_name(choice: str | dict[str, Any]) -> str | dict[str, Any]:
    """A name alone, or a mapping of one name to nothing or to its arguments."""
    if isinstance(choice, str):
        return choice
    if len(choice) != 1 or not isinstance(next(iter(choice.values())), dict | None):
        raise ValueError("must be a name, or a mapping of one name to a mapping of its arguments")
    return choice


Choice = Annotated[str | dict[str, Any], AfterValidator(_one_name)]
"""A Keras object by name, or a mapping of one name to its arguments."""


class Epochs(Strict):
    """How long to train when the number of epochs is not simply given.

    Args:
        max: most epochs that are trained.
        patience: early stopping: epochs without improvement before training stops; the best
            epoch's weights are kept. Default: no early stopping.
        min_delta: the least change that counts as an improvement. Default: 0.
        monitor: the curve that is watched. Default: `val_loss`.
        mode: `max` where a larger value of that curve is better, `min` where a smaller one is.
            Default: what Keras says of the metric.
        choose: `cross_validation` takes the epoch where the validation curve, averaged over
            the folds, is best; the refit on all training rows then runs that many epochs.
    """

    max: int = Field(ge=1)
    patience: int | None = Field(default=None, ge=0)
    min_delta: float = Field(default=0.0, ge=0)
    monitor: str = "val_loss"
    mode: Literal["min", "max"] | None = None
    choose: Literal["cross_validation"] | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Epochs:
        if self.choose is not None and self.patience is not None:
            raise ValueError(
                "epochs takes patience or choose, not both: each decides where training ends"
            )
        if self.patience is None and self.min_delta:
            raise ValueError("epochs.min_delta has no effect without epochs.patience")
        return self


class WarmUp(Strict):
    """A first phase that trains new layers only, while pretrained ones stay as they are.

    Args:
        epochs: of the phase.
        optimizer: of the phase. Default: that of the section.
    """

    epochs: int = Field(ge=1)
    optimizer: Choice | None = None


class Training(Strict):
    """How the network is trained; the last layer's problem type fills in loss and metrics.

    Args:
        optimizer: a Keras optimizer by name, or `{Adam: {learning_rate: 0.001}}`.
        loss: a Keras loss. Default: the one of the problem type.
        metrics: Keras metrics. Default: those of the problem type.
        batch_size: rows in a batch, or `all`. Default: 32.
        epochs: a number, or see `Epochs`; 0 leaves a pretrained network as it is.
        warm_up: a first phase with pretrained layers frozen, see `WarmUp`. Default: none.
        start: `linear` begins with the linear function that fits the training rows best: the last
            layer's weights of those of its inputs that no layer with weights has touched are those
            of a ridge regression, its other weights 0. Default: as the layers say.
        validation: share of the training rows that is set aside to watch. Default: 0.
        class_weight: `balanced`, or a weight for each class. Default: none.
        sample_weight: a column whose number multiplies its row's loss, as `sample_weight` of
            `Model.fit` does; rows that are only watched or scored count one each. Default: none.
        schedule: a Keras learning-rate schedule or `ReduceLROnPlateau`. Default: none.
        shuffle: rows are shuffled before every epoch. Default: true.
        seed: of weights, shuffling and dropout. Default: the project's seed.
        repeats: trainings with different seeds whose mean and sd are reported. Default: 1.
        precision: `mixed` computes in bfloat16 and keeps float32 weights. Default: `float32`.
        xla: whether XLA compiles the training; it may change the last bits, and draws other numbers
            for dropout. Default: `auto`, by the rule in docs/backends.md.
    """

    optimizer: Choice = "rmsprop"
    loss: Choice | None = None
    metrics: list[Choice] | None = None
    batch_size: Annotated[int, Field(ge=1)] | Literal["all"] = 32
    epochs: Annotated[int, Field(ge=0)] | Epochs = 20
    warm_up: WarmUp | None = None
    start: Literal["linear"] | None = None
    validation: float = Field(default=0.0, ge=0, lt=1)
    class_weight: Literal["balanced"] | dict[int | str, float] | None = None
    sample_weight: str | None = None
    schedule: Choice | None = None
    shuffle: bool = True
    seed: int | None = Field(default=None, ge=0)
    repeats: int = Field(default=1, ge=1)
    precision: Literal["float32", "mixed"] = "float32"
    xla: Literal["auto"] | bool = "auto"

    @model_validator(mode="after")
    def _weighed_once(self) -> Training:
        if self.class_weight is not None and self.sample_weight is not None:
            raise ValueError(
                "class_weight and sample_weight exclude each other, as in Keras: multiply the "
                "classes' weights into the column"
            )
        return self

    @property
    def max_epochs(self) -> int:
        """The most epochs that one training runs."""
        return self.epochs if isinstance(self.epochs, int) else self.epochs.max
