"""The code that `dvc.yaml` names for a stage is the code that the stage imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tasks.config.sections import EVERY_STAGE
from tasks.wire import CODE, FOUNDATION

ROOT = Path(__file__).parents[2]
PACKAGES = ("tasks", "serving")


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a module but those under `if TYPE_CHECKING:`, which never run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _executed(node)


def _names(file: Path) -> Iterator[str]:
    """The dotted names that a file imports, at its top and inside its functions."""
    package = file.relative_to(ROOT).parent.parts
    for node in _executed(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*start, *filter(None, [node.module])))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _files(name: str) -> Iterator[Path]:
    """The files that run when a dotted name of this repository is imported."""
    parts = name.split(".")
    if parts[0] not in PACKAGES:
        return
    for length in range(1, len(parts) + 1):
        path = ROOT.joinpath(*parts[:length])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                yield file


def imported(stage: str) -> set[Path]:
    """The files of this repository that a stage may import, directly or not."""
    seen: set[Path] = set()
    waiting = list(_files(f"tasks.{stage}"))
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        waiting += [found for name in _names(file) for found in _files(name)]
    # Empty package files hold no code.
    return {file for file in seen if file.stat().st_size}


def _covers(dependency: str, file: Path) -> bool:
    return file == ROOT / dependency or (ROOT / dependency) in file.parents


@pytest.mark.parametrize("stage", EVERY_STAGE)
class TestCodeDependencies:
    def test_no_import_is_missing(self, stage: str) -> None:
        missing = {
            file.relative_to(ROOT).as_posix()
            for file in imported(stage)
            if not any(_covers(path, file) for path in (*FOUNDATION, *CODE[stage]))
        }
        assert not missing, f"add these to CODE['{stage}'] in tasks/wire.py"

    def test_nothing_is_named_that_the_stage_never_imports(self, stage: str) -> None:
        files = imported(stage)
        idle = [path for path in CODE[stage] if not any(_covers(path, file) for file in files)]
        assert not idle, f"remove these from CODE['{stage}'] in tasks/wire.py"

    def test_another_command_of_serving_reruns_nothing(self, stage: str) -> None:
        named = [path for path in CODE[stage] if path.startswith("serving")]
        assert set(named) == {
            file.relative_to(ROOT).as_posix()
            for file in imported(stage)
            if file.parts[len(ROOT.parts)] == "serving"
        }


class TestScoreboard:
    def test_the_root_stage_names_the_code_that_it_imports(self) -> None:
        named = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["scoreboard"]["deps"]
        # The package's own file is a docstring.
        missing = {
            file.relative_to(ROOT).as_posix()
            for file in imported("scoreboard")
            if not any(_covers(path, file) for path in named) and file.name != "__init__.py"
        }
        assert not missing


class TestImportWalk:
    def test_function_level_imports_are_found_and_type_checking_ones_are_not(
        self, tmp_path: Path
    ) -> None:
        file = ROOT / "tasks" / "__main__.py"
        assert "tasks.wire" in set(_names(file))
        source = "if TYPE_CHECKING:\n    import a\ndef f():\n    from b import c\n"
        assert not [
            node for node in _executed(ast.parse(source)) if "import a" in ast.unparse(node)
        ]
