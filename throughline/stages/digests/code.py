"""The code that each stage can run, by digest: what `dvc.yaml` depends on in place of files.

`code.json` beside params.yaml holds a digest for each stage, which the stage takes as a parameter,
and a digest for each module, so that `throughline why` can name the one that changed. A stage can
run its import closure: every module that it imports, at the top or inside a function, directly or
not; a module that is named in a text (`python -m`, `importlib`), the whole package of a module
that imports by a name it works out, and the data files beside them. Comments, docstrings and
layout do not count.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from throughline.errors import BadPipeline
from throughline.names import is_reference
from throughline.paths import read_json
from throughline.stages.declared import EVERY_STAGE
from throughline.stages.digests import syntax
from throughline.stages.digests.syntax import PACKAGE, Source, digest, parsed

FILE = Path("code.json")
# What a stage runs besides its own module: what reads the pipeline file for it.
FOUNDATION = "throughline.stages.given"
# Digests once computed, by the bytes of the file and of the code that computed them: below the
# user's cache, because the library's files are the same for every project.
MEMO = Path("throughline") / "code.json"
MOST_KEPT = 2000
# Keys under which a file names code of the user's own, the latter among names of Keras.
CALLERS = ("generator", "network", "loss", "metrics")
# In place of a digest, of a module that is neither the project's nor the library's.
ELSEWHERE = "elsewhere"


class Reader:
    """Reads Python files below some folders, each only once for its bytes.

    Args:
        root: the project; its modules come first, as they do when a stage runs.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._memo_file = _users_cache(root) / MEMO
        self._memo: dict[str, Any] = {}
        self._used: set[str] = set()
        self._files: dict[str, Path | None] = {}
        self._known: dict[str, tuple[dict[str, str], set[str]]] = {}
        self._data: dict[str, dict[str, str]] = {}
        self._new = False
        self._reader = digest(Path(syntax.__file__).read_bytes())
        try:
            self._memo = dict(read_json(self._memo_file))
        except (OSError, ValueError, TypeError):
            # It spares time and nothing else.
            self._new = True

    def source(self, file: Path) -> Source:
        """A file's digest and imports."""
        content = file.read_bytes()
        key = hashlib.sha256(content + self._reader.encode()).hexdigest()
        self._used.add(key)
        if key not in self._memo:
            self._new = True
            try:
                found = parsed(content, str(file))
            except (SyntaxError, ValueError) as error:
                where = f"{file}:{getattr(error, 'lineno', None) or 1}"
                said = getattr(error, "msg", None) or str(error)
                raise BadPipeline(f"{where} must be Python that can be read", said) from None
            self._memo[key] = [found.digest, list(found.names), found.by_name]
        digest, names, by_name = self._memo[key]
        return Source(digest, tuple(names), by_name)

    def file(self, module: str) -> Path | None:
        """The file of a module of the project or of the library; None for all others."""
        if module not in self._files:
            self._files[module] = self._found(module)
        return self._files[module]

    def _found(self, module: str) -> Path | None:
        first, *rest = module.split(".")
        for folder in (self._root, *([_library()] if first == PACKAGE else [])):
            path = folder.joinpath(first, *rest)
            for candidate in (path / "__init__.py", path.with_suffix(".py")):
                if candidate.is_file():
                    return candidate
        return None

    def closure(self, modules: Iterable[str]) -> dict[str, str]:
        """The digests of all modules and data files that some modules can run, by their names."""
        found: dict[str, str] = {}
        waiting, seen = list(modules), set[str]()
        while waiting:
            module = waiting.pop()
            if module not in seen:
                seen.add(module)
                digests, others = self._steps(module)
                found |= digests
                waiting += others
        return found

    def _steps(self, module: str) -> tuple[dict[str, str], set[str]]:
        """A module's digest and those of the data beside it, and the modules that it leads to."""
        if module not in self._known:
            self._known[module] = self._read(module)
        return self._known[module]

    def _read(self, module: str) -> tuple[dict[str, str], set[str]]:
        file = self.file(module)
        if file is None:
            return {}, set()
        source = self.source(file)
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        names = [_absolute(name, package) for name in source.names]
        if source.by_name:
            names += [other for name in (package, *names) for other in self._below(name)]
        # Importing a module runs the packages above it.
        above = {
            ".".join(parts[:length])
            for parts in (name.split(".") for name in (module, *names))
            for length in range(1, len(parts) + 1)
        }
        others = {name for name in above if self.file(name) is not None}
        return {module: source.digest, **self._data_files(package, file.parent)}, others

    def _data_files(self, package: str, folder: Path) -> dict[str, str]:
        """What lies in a package of the library and is no code, such as a table that it reads."""
        if package.split(".")[0] != PACKAGE:
            # A project's data are inputs of its stages; DVC knows them.
            return {}
        if package not in self._data:
            self._data[package] = {
                f"{package.replace('.', '/')}/{path.name}": digest(path.read_bytes())
                for path in sorted(folder.iterdir())
                if path.suffix not in (".py", ".pyc") and path.is_file()
            }
        return self._data[package]

    def _below(self, package: str) -> Iterator[str]:
        """All modules of a package, also those of packages inside; but not of the whole library."""
        file = self.file(package)
        if file is None or file.name != "__init__.py" or package == PACKAGE:
            return
        for inner in sorted(file.parent.rglob("*.py")):
            parts = inner.relative_to(file.parent).with_suffix("").parts
            yield ".".join((package, *(part for part in parts if part != "__init__")))

    def keep(self) -> None:
        """Store what was computed for the next time."""
        if not self._new:
            return
        if len(self._memo) > MOST_KEPT:
            self._memo = {key: self._memo[key] for key in self._used}
        # A home that cannot be written costs seconds, and nothing else.
        with suppress(OSError):
            _write(self._memo_file, self._memo)


def _users_cache(root: Path) -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        # An account without a home.
        return root / ".cache"


def _absolute(name: str, package: str) -> str:
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], name.lstrip(".")]).rstrip(".")


@cache
def _library() -> Path:
    """The folder that holds the installed package."""
    return Path(__file__).resolve().parents[3]


def combined(digests: Mapping[str, str]) -> str:
    """One digest of many."""
    return digest(json.dumps(dict(digests), sort_keys=True).encode())


def references(content: Any, key: str = "") -> Iterator[str]:
    """The modules of the functions and classes of the user's own that a pipeline file names."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            if key in CALLERS and is_reference(name):
                yield str(name).partition(":")[0]
            # All that is below a network is part of it.
            yield from references(value, key if key == "network" else str(name))
    elif isinstance(content, list):
        for each in content:
            yield from references(each, key)
    elif key in CALLERS and is_reference(content):
        yield content.partition(":")[0]


def own_key(module: str) -> str:
    """The parameter that stands for a module of the project's own; DVC splits names at dots."""
    return module.replace(".", "-")


def _roots() -> dict[str, tuple[str, ...]]:
    """The modules that a stage begins with."""
    return {
        **{stage: (f"{PACKAGE}.stages.{stage}", FOUNDATION) for stage in EVERY_STAGE},
        "scoreboard": ("throughline.evaluation.scoreboard",),
    }


def code(root: Path, documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The content of `code.json`.

    Args:
        root: the project.
        documents: its pipeline files, as parsed.

    Returns:
        `stages`: a digest of each; `own`: a digest of each module that a pipeline file names, with
        all that it imports of the project and of the library; `modules`: a digest of each module.
    """
    reader = Reader(root)
    closures = {stage: reader.closure(modules) for stage, modules in _roots().items()}
    named = {name for document in documents for name in references(document)}
    own = {name: reader.closure([name]) for name in sorted(named)}
    reader.keep()
    modules: dict[str, str] = {}
    for found in (*closures.values(), *own.values()):
        modules |= found
    return {
        "stages": {stage: combined(found) for stage, found in closures.items()},
        "own": {
            own_key(name): combined(found) if found else ELSEWHERE for name, found in own.items()
        },
        "modules": modules,
    }


def closure_of(root: Path, parameter: str) -> set[str]:
    """The modules behind a parameter such as `stages.train` or `own.mine-networks`."""
    kind, _, name = parameter.partition(".")
    reader = Reader(root)
    if kind == "own":
        return set(reader.closure([name.replace("-", ".")]))
    return set(reader.closure(_roots()[name]))


def refreshed(root: Path) -> Path:
    """Bring `code.json` up to date; it is written only where its content changed.

    Returns:
        Its path.
    """
    from throughline.pipeline.yaml_file import YamlFile

    files = sorted(root.glob("pipelines/*/pipeline.yaml"))
    # Only those that can name a function; the others need not be parsed.
    documents = [YamlFile(file).content for file in files if ":" in _unspaced(file)]
    path = root / FILE
    content = code(root, documents)
    try:
        known = read_json(path)
    except (OSError, ValueError):
        known = None
    if known != content:
        _write(path, content)
    return path


def _unspaced(file: Path) -> str:
    """A pipeline file's `word:word` passages, in which alone a function can be named."""
    return " ".join(re.findall(r"[\w.]+:[A-Za-z_]\w*", file.read_text("utf-8", "replace")))


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A name of its own: several stages may begin at the same time.
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    draft.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(path)
