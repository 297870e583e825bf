"""onnxruntime-web: what runs a model in a browser, as two files of its npm package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from throughline.errors import BadData, Unreachable

if TYPE_CHECKING:
    from throughline.sources.registry import Surroundings

PACKAGE = "npm:onnxruntime-web@1.30.0"
# The glue is part of the script, so that a page of one file has all it needs.
SCRIPT = "dist/ort.wasm.bundle.min.mjs"
PROGRAM = "dist/ort-wasm-simd-threaded.wasm"
SHA256: Mapping[str, str] = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    PROGRAM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}


@dataclass(frozen=True)
class Runtime:
    """What a browser needs to run a model.

    Attributes:
        script: a JavaScript module.
        program: WebAssembly.
    """

    script: bytes
    program: bytes


def runtime(surroundings: Surroundings) -> Runtime:
    """The runtime, from the project's downloads, the mirror, or the npm registry.

    Raises:
        Unreachable: the registry does not answer; the message says how to give the files.
        BadData: it delivers something else, or npm is not installed.
    """
    from throughline.limits import applied
    from throughline.sources.fetching.mirror import local_copy
    from throughline.sources.kinds.archive import brought, parsed

    found = {
        path: local_copy(sha256, PurePosixPath(path).name, surroundings)
        for path, sha256 in SHA256.items()
    }
    absent = {f"{PACKAGE}:{path}": SHA256[path] for path, file in found.items() if file is None}
    if absent:
        try:
            with applied(surroundings.limits):
                brought(parsed(next(iter(absent))), absent, surroundings.cache)
        except (BadData, Unreachable) as error:
            raise type(error)(f"{error} {_by_hand()}") from None
    script, program = (
        (found[path] or surroundings.cache / SHA256[path]).read_bytes()
        for path in (SCRIPT, PROGRAM)
    )
    return Runtime(script, program)


def _by_hand() -> str:
    names = " and ".join(PurePosixPath(path).name for path in SHA256)
    return (
        "The files of the runtime are fetched once. Without a network put "
        f"{names} of {PACKAGE.removeprefix('npm:')} into the folder that THROUGHLINE_MIRROR names"
    )
