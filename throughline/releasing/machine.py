"""What a model is made with: Python, packages, the lock files, the processor."""

from __future__ import annotations

import hashlib
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from throughline.releasing.outputs import sha256
from throughline.running.workers import gpu_ids

PACKAGES = ("dvc", "keras", "numpy", "onnx", "onnxruntime", "scikit-learn", "tensorflow")
# What changes float32 sums in the last bits, besides versions.
SETTINGS = ("TF_ENABLE_ONEDNN_OPTS", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "XLA_FLAGS")
INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "asimd", "sve")
CPU_FACTS = Path("/proc/cpuinfo")


def environment(root: Path) -> dict[str, Any]:
    """The environment of this process.

    Args:
        root: the repository; its lock files are digested.

    Returns:
        python, machine, processor, instructions, gpus, settings, packages, installed (a digest
        of all packages with their versions), locks.
    """
    held = installed()
    listing = "\n".join(f"{name}=={version}" for name, version in held.items())
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **_processor(),
        "gpus": len(gpu_ids()),
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
        "packages": {name: held[name] for name in PACKAGES if name in held},
        "installed": hashlib.sha256(listing.encode("utf-8")).hexdigest(),
        "locks": {
            path.name: sha256(path) for path in sorted((root / "locks").glob("*")) if path.is_file()
        },
    }


def installed() -> dict[str, str]:
    """All installed packages with their versions, sorted."""
    found = {
        distribution.metadata["Name"].lower().replace("_", "-"): distribution.version
        for distribution in metadata.distributions()
    }
    return dict(sorted(found.items()))


def _processor() -> dict[str, Any]:
    facts: dict[str, str] = {}
    if CPU_FACTS.exists():
        for line in CPU_FACTS.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    known = (facts.get("flags") or facts.get("Features") or "").split()
    return {
        "processor": facts.get("model name", platform.processor()),
        "instructions": [name for name in INSTRUCTIONS if name in known],
    }
