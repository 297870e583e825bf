"""Whether XLA compiles a training: the setting `training.xla`, and what it cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, listed
from throughline.training.engine import backends
from throughline.training.engine.devices import configured
from throughline.training.network import spec
from throughline.training.network.layers import MAX_POOLING, max_pooling, quick_under_xla

if TYPE_CHECKING:
    import keras

    from throughline.pipeline.schema.training import Training


def whether(asked: bool | None, training: Training, model: keras.Model, steps: int) -> bool:
    """Whether XLA compiles a training.

    Args:
        asked: compiled by XLA, or not. Default: as the section says.
        training: the section.
        model: the network.
        steps: of one training.

    Raises:
        BadPipeline: what is asked for cannot be.
    """
    backend, gpu = backends.device()
    deterministic = bool(configured().get("deterministic"))
    if asked is None and training.xla != "auto":
        asked = training.xla
    if asked is None:
        return quick_under_xla(model, backend, gpu, steps, deterministic)
    check_xla(asked, backend, deterministic, max_pooling(model))
    return asked


def check_xla(asked: bool, backend: str, deterministic: bool, pooling: Sequence[str]) -> None:
    """Refuse a setting that cannot be or has no effect.

    Args:
        asked: compiled by XLA, or not.
        backend: of Keras.
        deterministic: whether operations must give the same bits every time.
        pooling: the layers that take the largest value of a window.

    Raises:
        BadPipeline: naming the layer or the backend.
    """
    if not asked and backend == "jax":
        raise BadPipeline(
            "training.xla: false needs backend: tensorflow; JAX always compiles by XLA",
            remedy="Leave training.xla away, or set backend in params.yaml",
        )
    if asked and backend == "tensorflow" and deterministic and pooling:
        raise BadPipeline(
            "training.xla: true needs layers that XLA trains to the same bits every time; "
            "TensorFlow has no such gradient of max pooling",
            listed(pooling),
            "Leave training.xla away, or put strides into the convolutions",
        )


def check(training: Training, network: list[Any] | dict[str, Any] | str, backend: str) -> list[str]:
    """What of it shows before anything runs; every stage trains with deterministic operations.

    Args:
        training: the section.
        network: the section, whose names are known to be right.
        backend: of Keras.

    Returns:
        One sentence a problem.
    """
    if training.xla == "auto":
        return []
    try:
        check_xla(training.xla, backend, True, list(_max_pooling(network)))
    except BadPipeline as error:
        return [str(error)]
    return []


def _max_pooling(network: list[Any] | dict[str, Any] | str) -> Iterator[str]:
    """Where max pooling stands; networks in code show theirs when they are built."""
    if isinstance(network, str):
        return
    for entry in spec.entries(network):
        kinds = [entry.kind]
        for name in spec.NESTED:
            if isinstance(value := entry.arguments.get(name), str | dict):
                kinds.append(spec.nested(value, entry.position).kind)
        if any(kind.startswith(MAX_POOLING) for kind in kinds):
            yield entry.position
