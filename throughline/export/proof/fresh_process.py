"""Loading the exported files in a process that has no training library, as a server does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import RefusedByGate

if TYPE_CHECKING:
    from throughline.export.proof.parity_contract import Held

# A server's limits: seconds for all files together, and bytes of address space.
SECONDS = 120
MEMORY = 6 * 2**30

# Blocks the training libraries, loads each file and answers its golden requests. It imports
# nothing of ours: what it shows holds for any process that has onnxruntime.
LOADER = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), resource.RLIM_INFINITY))
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "jax", "torch"), None))
import numpy as np, onnxruntime
for golden in sorted(Path(sys.argv[1]).glob("*.npz")):
    with np.load(golden, allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(arrays["path"]), options, providers=["CPUExecutionProvider"])
    feed = {each.name: arrays["input/" + each.name] for each in session.get_inputs()}
    feed = {key: a.astype(object) if a.dtype.kind == "U" else a for key, a in feed.items()}
    names = [each.name for each in session.get_outputs()]
    for name, answer in zip(names, session.run(names, feed)):
        expected = arrays["output/" + name]
        same = (
            np.allclose(answer, expected, rtol=1e-5, atol=1e-5, equal_nan=True)
            if expected.dtype.kind == "f"
            else (answer.astype(expected.dtype) == expected).all()
        )
        if not same:
            sys.exit(f"other answers in output '{name}' of {golden.stem}")
"""


def keep_requests(path: Path, model: Path, held: Held) -> None:
    """Store a model's golden requests and its answers to them, for `prove`.

    Args:
        path: an `.npz` file.
        model: the ONNX file.
        held: its requests and answers.
    """
    arrays = {f"input/{name}": array for name, array in held.requests.items()}
    arrays |= {f"output/{name}": array for name, array in held.answers.items()}
    plain = {
        key: array.astype(str) if array.dtype == object else array for key, array in arrays.items()
    }
    plain["path"] = np.array(str(model.resolve()))
    # The type stubs take every keyword for `allow_pickle`.
    np.savez(path, **plain)  # type: ignore[arg-type]


def prove(requests: Path) -> None:
    """Load every model in one fresh process and hold its answers against the stored ones.

    Args:
        requests: a folder of what `keep_requests` wrote.

    Raises:
        RefusedByGate: a file does not load there, or answers otherwise, or takes more than
            `SECONDS` or `MEMORY`.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", LOADER, str(requests), str(MEMORY)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise RefusedByGate(
            f"A fresh process must load the model and answer within {SECONDS} s", "it took longer"
        ) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RefusedByGate(
            "A fresh process without training libraries must load the model and answer as here",
            last,
        )
