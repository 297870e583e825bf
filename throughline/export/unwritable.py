"""Layers of a pipeline file that nothing can write as ONNX, said before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from throughline.export.registry import refusal
from throughline.training.network import spec


def check(network: list[Any] | dict[str, Any] | str) -> Iterator[str]:
    """A sentence for each layer that no converter can write and tf2onnx cannot, either.

    Args:
        network: the section, whose names are known to be right; networks in code are not built.
    """
    for entry in () if isinstance(network, str) else spec.entries(network):
        inner = [
            spec.nested(value, f"{entry.position}.{name}")
            for name in spec.NESTED
            if isinstance(value := entry.arguments.get(name), str | dict)
        ]
        for each in (entry, *inner):
            if refused := refusal(each.kind):
                expected, remedy = refused
                yield str(spec.BadNetwork(f"{each.position} should be {expected}", remedy=remedy))
