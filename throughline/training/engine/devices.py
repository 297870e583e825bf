"""Which library, device, threads and precision Keras uses; set before its first import."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from throughline import processor
from throughline.errors import BadPipeline, nearest
from throughline.training import exact
from throughline.training.later import unused_parts_later

BACKENDS = ("tensorflow", "jax")
DEVICES = ("auto", "cpu", "gpu")
_configured: dict[str, Any] = {}
POLICIES = {"float32": "float32", "mixed": "mixed_bfloat16"}


def configure(
    device: str = "auto",
    threads: int = 1,
    backend: str = "tensorflow",
    precision: str = "float32",
    deterministic: bool = True,
    instructions: str = "avx2",
) -> None:
    """Set Keras up; calling it again with the same values does nothing.

    Args:
        device: `cpu`, `gpu`, or `auto`, a GPU where there is one. Default: `auto`.
        threads: threads of one operation; the same bits need the same number. Default: 1.
        backend: `tensorflow` or `jax`. Default: `tensorflow`.
        precision: `mixed` computes in bfloat16 and keeps float32 weights. Default: `float32`.
        deterministic: operations that give the same bits on every run. Default: true.
        instructions: `avx2` gives the same bits on every processor that has them, `native` takes
            the processor's own best ones. Default: `avx2`.

    Raises:
        BadPipeline: for an unknown value, for `gpu` without a GPU, and when Keras already runs
            with another backend, number of threads or other instructions.
    """
    _check(device, backend, precision, instructions)
    if device != "cpu":
        # So that several processes fit one machine's GPUs.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    _choose_backend(backend)
    _choose_instructions(instructions)
    with unused_parts_later():
        if backend == "tensorflow":
            _configure_tensorflow(device, threads, deterministic)
        else:
            _configure_jax(device, threads, deterministic)
        import keras

    if backend == "tensorflow" and instructions == "avx2":
        exact.install()
    keras.config.set_dtype_policy(POLICIES[precision])
    _configured.update(
        device=device,
        threads=threads,
        backend=backend,
        deterministic=deterministic,
        instructions=instructions,
    )


def configure_by_default() -> None:
    """Set Keras up on the processor where nothing has yet, for networks that only are read."""
    if not _configured:
        configure(device="cpu")


def configured() -> dict[str, Any]:
    """What `configure` was called with, for another process that is to compute the same."""
    return dict(_configured)


def gpus() -> list[str]:
    """The GPUs that Keras may use, as `CUDA_VISIBLE_DEVICES` names them."""
    import keras

    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        count = len(tf.config.get_visible_devices("GPU"))
    else:
        import jax

        count = len([found for found in jax.devices() if found.platform == "gpu"])
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[:count] if len(named) >= count else [str(i) for i in range(count)]


def _check(device: str, backend: str, precision: str, instructions: str) -> None:
    given = {
        "device": device,
        "backend": backend,
        "precision": precision,
        "instructions": instructions,
    }
    valid = {
        "device": DEVICES,
        "backend": BACKENDS,
        "precision": tuple(POLICIES),
        "instructions": processor.INSTRUCTIONS,
    }
    for name, value in given.items():
        if value not in valid[name]:
            expected = f"{name} should be one of {', '.join(valid[name])}"
            raise BadPipeline(expected, value, nearest(value, valid[name]))


def _choose_backend(backend: str) -> None:
    loaded = sys.modules.get("keras")
    running = loaded.config.backend() if loaded is not None else backend
    if running != backend:
        raise BadPipeline(
            f"Keras already runs on {running} in this process", backend, "Start a new process"
        )
    os.environ["KERAS_BACKEND"] = backend


def _choose_instructions(instructions: str) -> None:
    running = _configured.get("instructions", instructions)
    if running != instructions:
        raise BadPipeline(
            f"Keras already computes with instructions: {running} in this process",
            instructions,
            "Start a new process",
        )
    if instructions == "avx2":
        processor.fix_training()
    else:
        processor.unfix_training()


def _configure_tensorflow(device: str, threads: int, deterministic: bool) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if device == "cpu":
        # Also keeps TensorFlow from looking for a driver, which it reports as an error.
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with _without_start_messages():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    # A network of another shape is traced anew, which TensorFlow takes for a mistake.
    tf.get_logger().setLevel("ERROR")
    if device == "gpu" and not gpus:
        raise _no_gpu("tensorflow[and-cuda]")
    if device == "cpu" and gpus:
        _set(lambda: tf.config.set_visible_devices([], "GPU"), "device", device)
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        _set(
            lambda: tf.config.threading.set_intra_op_parallelism_threads(threads),
            "threads",
            threads,
        )
    if deterministic:
        tf.config.experimental.enable_op_determinism()


@contextmanager
def _without_start_messages() -> Iterator[None]:
    """Keep what TensorFlow's own start prints, before any setting can silence it, off the screen.

    The messages come from C++, so the file descriptor itself is turned away; they are shown when
    the start fails.
    """
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(screen, messages.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)


def _set(setter: Any, name: str, value: object) -> None:
    try:
        setter()
    except RuntimeError as error:
        raise BadPipeline(
            f"{name} should be set before TensorFlow first computes", value, "Start a new process"
        ) from error


def _configure_jax(device: str, threads: int, deterministic: bool) -> None:
    flags = os.environ.get("XLA_FLAGS", "").split()
    wanted = [f"--xla_cpu_multi_thread_eigen={str(threads != 1).lower()}"]
    if deterministic:
        wanted.append("--xla_gpu_deterministic_ops=true")
    # XLA reads the flags once, when JAX makes its first array.
    os.environ["XLA_FLAGS"] = " ".join([*flags, *(f for f in wanted if f not in flags)])
    if device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
    if device == "gpu":
        import jax

        if not any(found.platform == "gpu" for found in jax.devices()):
            raise _no_gpu("jax[cuda13]")


def _no_gpu(package: str) -> BadPipeline:
    return BadPipeline(
        "device: gpu needs a GPU that the library can use",
        "none found",
        f"Install {package}, or set device: auto",
    )
