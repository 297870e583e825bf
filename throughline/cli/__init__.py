"""The command `throughline`."""

from __future__ import annotations

import importlib
import sys

# Commands with a module of their own, imported when one is called.
MODULES = {
    **dict.fromkeys(
        ("predict", "generate", "stream", "nearest"), "throughline.serving.commands:main"
    ),
    "flow": "throughline.cli.flow:flow",
    "retrain": "throughline.cli.flow:retrain",
    "deploy": "throughline.running.deploy:main",
    "release": "throughline.releasing.release:main",
    "reproduce": "throughline.releasing.reproduce:main",
    "lineage": "throughline.releasing.lineage:main",
}
REST = "throughline.cli.commands:main"


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    found = MODULES.get(words[0]) if words else None
    module, _, function = (found or REST).partition(":")
    own = MODULES.get(words[0], REST) is not MODULES.get("predict") and found
    code: int = getattr(importlib.import_module(module), function)(words[1:] if own else words)
    return code
