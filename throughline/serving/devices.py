"""Where a model computes: the processor, or a GPU by onnxruntime's CUDA provider."""

from __future__ import annotations

import contextlib
import ctypes
import io
from pathlib import Path
from typing import Any

from throughline.serving.errors import BadRequest

DEVICES = ("auto", "cpu", "gpu")
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# onnxruntime looks the provider's libraries up beside itself.
PROVIDER = "libonnxruntime_providers_cuda.so"
# What a provider that is loaded by hand lacks once all its libraries are there.
HOST = "Provider_GetHost"


def opened(path: str, options: Any, device: str) -> Any:
    """A session of a model file.

    Args:
        path: the file.
        options: onnxruntime's `SessionOptions`.
        device: `cpu`, `gpu`, or `auto`, a GPU where one answers.

    Raises:
        BadRequest: another device; `gpu` where none answers, with what is lacking.
    """
    import onnxruntime

    if device not in DEVICES:
        raise BadRequest(f"device must be one of {', '.join(DEVICES)}. Received: {device}.")
    if device == "cpu" or (device == "auto" and CUDA not in onnxruntime.get_available_providers()):
        return onnxruntime.InferenceSession(path, options, providers=[CPU])
    lacking = _lacking()
    if not lacking:
        # onnxruntime says on the screen that it takes the processor instead; here that is an error.
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(path, options, providers=[CUDA, CPU])
        if device_of(session) == "gpu" or device == "auto":
            return session
        lacking = "no GPU that its driver shows, or one that CUDA does not know"
    if device == "auto":
        return onnxruntime.InferenceSession(path, options, providers=[CPU])
    raise BadRequest(
        f"device: gpu needs a GPU that onnxruntime can use. Received: {lacking}. Install the extra "
        "`gpu` (onnxruntime-gpu[cuda,cudnn]), or set device: auto."
    )


def device_of(session: Any) -> str:
    """What a session computes on, `cpu` or `gpu`."""
    return "gpu" if CUDA in session.get_providers() else "cpu"


def _lacking() -> str:
    """What keeps the CUDA provider from being loaded; "" when its libraries are all there."""
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        return "an onnxruntime that is built for the processor alone"
    # It finds the libraries in their packages, and prints those that it does not find.
    with contextlib.redirect_stdout(io.StringIO()):
        onnxruntime.preload_dlls()
    library = Path(onnxruntime.__file__).parent / "capi" / PROVIDER
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return "" if HOST in str(error) else f"'{error}'"
    return ""
