"""Which functions a pipeline file may name: those of the project's own folders, and no others.

A pipeline file, and whatever wrote a part of it, can name any function that Python can import, such
as `os:system`; and a file that came with data can lie where Python looks for modules. So a name is
looked up below the project's root and nowhere else, outside the folders that hold data.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from throughline.errors import BadPipeline, listed, nearest
from throughline.pipeline.yaml_file import YamlFile
from throughline.processes import NO_CODE

SECTION = "code"
# Where data, and what is made of them, come to lie; and the library, in its own repository.
OTHERS = ("data", "models", "pipelines", "releases", "reports", "throughline")


class ForbiddenCode(BadPipeline):
    """A function that may not run; move it into a folder of the project's own code."""


def own_function(address: str, root: Path, key: str) -> Callable[..., Any]:
    """The function that `package.module:function` names.

    Args:
        address: as the pipeline file says it.
        root: the project.
        key: of the pipeline file, for messages.

    Raises:
        ForbiddenCode: it is none of the project's own, or none may run.
        BadPipeline: there is no such function; names those that there are.
    """
    module_name, _, name = address.partition(":")
    if not name.isidentifier():
        raise BadPipeline(f"'{key}' is written as 'package.module:function'", address)
    root = root.resolve()
    module = own_module(address, root, key)
    own = {each: value for each, value in vars(module).items() if _is_defined(value, root)}
    if name not in own:
        public = [each for each in own if each[0] != "_"]
        raise BadPipeline(
            f"'{key}' must name a function that the project defines",
            address,
            nearest(name, public) if public else f"'{module_name}' has none",
        )
    found: Callable[..., Any] = own[name]
    return found


def own_module(address: str, root: Path, key: str) -> ModuleType:
    """The module of `package.module:function`, imported.

    Raises:
        ForbiddenCode: it is none of the project's own, or none may run.
        BadPipeline: that is no name of a module.
    """
    module_name = address.partition(":")[0]
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise BadPipeline(f"'{key}' is written as 'package.module:function'", address)
    if os.environ.get(NO_CODE):
        raise ForbiddenCode(
            f"'{key}' may not run", address, "Leave out --no-code if you trust the project"
        )
    root = root.resolve()
    file = _file_of(module_name, root)
    if file is None:
        raise ForbiddenCode(
            f"'{key}' must name a module of the project's own",
            f"'{module_name}', and no such file below {root}",
            "Write a function there; it may call what is installed",
        )
    # Importing a module runs the packages above it.
    above = [root.joinpath(*module_name.split(".")[:depth], "__init__.py") for depth in
             range(1, module_name.count(".") + 1)]  # fmt: skip
    run = [*(each.resolve() for each in above if each.is_file()), file]
    strange = next((each for each in run if not _is_own(each, root)), None)
    if strange is not None:
        allowed = folders(root)
        where = "a folder that holds no data" if allowed is None else listed(allowed) or "none"
        raise ForbiddenCode(
            f"'{key}' must name a module of the project's own code: {where}",
            str(strange.relative_to(root) if strange.is_relative_to(root) else strange),
            f"Move it, or name its folder in '{SECTION}' of params.yaml",
        )
    if str(root) not in sys.path:
        # Last: see `stages.run`.
        sys.path.append(str(root))
    module = import_module(module_name)
    if Path(module.__file__ or "").resolve() != file:
        raise ForbiddenCode(
            f"'{key}' must name a module of the project's own",
            f"'{module_name}', which is {module.__file__ or 'a part of Python'} here",
            "Give your module another name",
        )
    return module


def _file_of(module: str, root: Path) -> Path | None:
    """The file of a module below the project's root; nothing is imported to find it."""
    path = root.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((each.resolve() for each in candidates if each.is_file()), None)


def _is_own(file: Path, root: Path) -> bool:
    """Whether a file is in a folder of the project's own code, and no link to elsewhere."""
    if not file.is_relative_to(root):
        return False
    place = file.relative_to(root)
    allowed = folders(root)
    if allowed is not None:
        return any(place.is_relative_to(folder) for folder in allowed)
    # Some disks take capitals for the same letters.
    if place.parts[0].casefold() in OTHERS:
        return False
    return not any(part.startswith(".") for part in place.parts)


def _is_defined(value: object, root: Path) -> bool:
    """Whether something is a function or class that one of these files defines."""
    file = _file_of(str(getattr(value, "__module__", "") or "."), root)
    return callable(value) and file is not None and _is_own(file, root)


def folders(root: Path) -> list[str] | None:
    """The folders of the project's own code, `code` of params.yaml; None where it does not say.

    Raises:
        BadPipeline: no list of folders inside the project.
    """
    file = root / "params.yaml"
    section = YamlFile(file).content.get(SECTION) if file.exists() else None
    if section is None:
        return None
    inside = isinstance(section, list) and all(
        isinstance(each, str) and each and not {"..", "/"} & set(Path(each).parts)
        for each in section
    )
    if not inside:
        raise BadPipeline(
            f"'{SECTION}' in params.yaml must be a list of folders inside the project", section
        )
    return list(section)
