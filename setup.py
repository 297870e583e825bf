"""The wheel also holds the files of this repository that `throughline init` gives to a project."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from throughline.project import SHARED  # noqa: E402


class WithProject(build_py):
    """Copies them beside the package's own; an editable installation reads them in place."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in SHARED:
            target = Path(self.build_lib) / "throughline" / "project" / "files" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, target, ignore=ignored, dirs_exist_ok=True)
            else:
                shutil.copyfile(ROOT / name, target)


setup(cmdclass={"build_py": WithProject})
