"""DVC's repository of a project that may be a stranger's.

What DVC parses, it parses without bounds: some hundred bytes of aliases, or of lists that a matrix
multiplies, keep it at work for ever. So what is replaced here of DVC is its parser of YAML, behind
our own gate, and what tells how many stages one entry of a `dvc.yaml` stands for.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping, Sized
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from throughline.errors import BadPipeline
from throughline.pipeline.yaml_file import ending

if TYPE_CHECKING:
    from dvc.repo import Repo

# That one entry of a dvc.yaml may stand for.
MOST_STAGES = 10_000
# Of texts that were found to end; a file of parameters is read anew for every stage.
_known: set[bytes] = set()


def repository(root: Path, **settings: Any) -> Repo:
    """DVC's `Repo` of a folder, whose files are read within bounds.

    Args:
        root: the folder.
        settings: of `Repo`.
    """
    from dvc.repo import Repo

    bounded()
    return Repo(str(root), **settings)


def bounded() -> None:
    """Let DVC, in this process, read no text and no entry that would never end."""
    import dvc.parsing
    import dvc.utils.serialize
    from dvc.utils import strictyaml
    from dvc.utils.serialize import _yaml

    parse = _yaml.parse_yaml
    if getattr(parse, "is_bounded", False):
        return

    def parse_yaml(text: str, path: Any, typ: str = "safe") -> Any:
        _check(text, path)
        return parse(text, path, typ)

    parse_yaml.is_bounded = True  # type: ignore[attr-defined]
    for module in (_yaml, dvc.utils.serialize, strictyaml):
        module.parse_yaml = parse_yaml
    for kind, name in (
        (dvc.parsing.MatrixDefinition, "_resolve_matrix_data"),
        (dvc.parsing.ForeachDefinition, "_resolve_foreach_data"),
    ):
        setattr(kind, name, _few(getattr(kind, name)))


def _check(text: str, path: Any) -> None:
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    if digest not in _known:
        # What is no YAML, DVC says itself.
        with suppress(yaml.YAMLError):
            ending(text, Path(path))
        _known.add(digest)


def _few(resolve: Any) -> Any:
    def resolved(self: Any) -> Any:
        found = resolve(self)
        matrix = isinstance(found, Mapping) and hasattr(self, "matrix_data")
        lists = found.values() if matrix else [found]
        count = math.prod(len(each) for each in lists if isinstance(each, Sized))
        if count > MOST_STAGES:
            raise BadPipeline(
                f"{self.relpath}: '{self.name}' may stand for at most {MOST_STAGES:,} stages",
                f"{count:,}" if count < 10**18 else "more than 10^18",
            )
        return found

    return resolved


if __name__ == "__main__":
    from dvc.cli import main

    bounded()
    sys.exit(main(sys.argv[1:]))
