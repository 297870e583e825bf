"""DVC's repository of a project that may be a stranger's.

What DVC parses, it parses without bounds: some hundred bytes of aliases, or of lists that a matrix
multiplies, keep it at work for ever. So what is replaced here of DVC is its parser of YAML, behind
our own gate, its reading of parameters, and what tells how many stages one entry of a `dvc.yaml`
stands for.
"""

from __future__ import annotations

import atexit
import hashlib
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sized
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from throughline.cache import private
from throughline.errors import BadPipeline, ThroughlineError
from throughline.pipeline.yaml_file import MOST_BYTES, ending
from throughline.running.private_dvc import keep_errors, replace_readers

if TYPE_CHECKING:
    from dvc.repo import Repo

# That one entry of a dvc.yaml may stand for.
MOST_STAGES = 10_000
# Of a file of parameters that is no YAML; what a parser of TOML has to do grows with the square.
MOST_OF = {".py": 1 << 20, ".toml": 1 << 16}
# Where DVC keeps the digests and links that it knows of, and pickles among them. Of itself it takes
# a folder that every account of the machine may exchange, or one that `.dvc/config` names.
NOTES = "DVC_SITE_CACHE_DIR"
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
    """Let DVC, in this process, read no text and no entry that would never end.

    Its notes lie in a folder of this account's, see `NOTES`.
    """
    _own_notes()
    replace_readers(_check, _loaded, _few)


def _own_notes() -> None:
    if os.environ.get(NOTES):
        return
    import platformdirs

    try:
        folder = private(platformdirs.user_cache_path("throughline") / "dvc")
    except OSError:
        # A home that is nobody's, as in a container; then DVC learns all anew each time.
        folder = Path(tempfile.mkdtemp(prefix="throughline-dvc-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[NOTES] = str(folder)


def _loaded(load: Any) -> Any:
    """DVC's reading of a file of parameters, of YAML, TOML, JSON or Python, whatever it holds."""

    def loaded(path: Any, fs: Any, **settings: Any) -> Any:
        name = os.path.relpath(path) if os.path.isabs(path) else path  # noqa: PTH117
        if not fs.isfile(path) and fs.exists(path):
            raise BadPipeline(f"{name} must be a file", "something else")
        most = MOST_OF.get(Path(path).suffix.lower(), MOST_BYTES)
        if fs.isfile(path) and fs.size(path) > most:
            raise BadPipeline(f"{name} may have at most {most:,} bytes", f"{fs.size(path):,}")
        try:
            return load(path, fs, **settings)
        except ThroughlineError:
            raise
        except (RecursionError, MemoryError):
            raise BadPipeline(f"{name} must hold values that are not nested so deeply") from None
        except (ValueError, SyntaxError) as error:
            raise BadPipeline(f"{name} must hold values that can be read", str(error)) from None

    return loaded


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
    keep_errors()
    sys.exit(main(sys.argv[1:]))
