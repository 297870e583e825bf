"""What `pip install throughline` brings: a wheel, built offline, in fresh environments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from throughline.project import SHARED
from throughline.project.init import template

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("MANIFEST.in", "README.md", "pyproject.toml", "setup.py", "throughline", *SHARED)
PIPELINE = """\
title: Will it be returned?
task: binary
source: {file: orders.csv}
target: returned
columns:
  price: {scale: standard}
  country: {encode: one-hot}
split: {test: 0.25, stratify: returned}
network:
- Dense: {units: 4, activation: relu}
training: {epochs: 3}
"""
ROWS = "price,country\n10.5,NL\n77,XX\n"

pytestmark = pytest.mark.timeout(900)


class Environment:
    """A fresh virtual environment with the wheel, and none of the checkout.

    Args:
        folder: where to make it.
        wheel: to install.
    """

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        run(folder.parent, sys.executable, "-m", "venv", "--without-pip", str(folder))
        pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin/python"))
        run(folder.parent, *pip, "install", "-q", "--no-deps", "--no-index", str(wheel))
        (self.packages,) = (folder / "lib").glob("python*/site-packages")

    def run(self, where: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of its commands; `throughline` in a `dvc.yaml` is its own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHONPATH")}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(self.folder / "bin" / words[0]), *words[1:]],
            cwd=where,
            env={**kept, "PATH": path, "DVC_NO_ANALYTICS": "true"},
            capture_output=True,
            text=True,
        )


def run(where: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def copied(root: Path) -> Path:
    """The files that a distribution is built from; building writes beside them."""
    for name in SOURCES:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    return root


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as a package index would have it."""
    out = tmp_path_factory.mktemp("dist")
    source = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    run(copied(tmp_path_factory.mktemp("source")), sys.executable, "-c", source, str(out))
    (archive,) = out.glob("*.tar.gz")
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index")
    run(out, *pip, "--no-build-isolation", "--wheel-dir", str(out), str(archive))
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def whole(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel among the libraries that these tests run with.

    A `.pth` file that lies in such a folder is not read, so an editable installation in it, which
    is the checkout, is none here.
    """
    found = Environment(tmp_path_factory.mktemp("whole") / "venv", wheel)
    (found.packages / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return found


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel and what it requires without any extra, and nothing else."""
    found = Environment(tmp_path_factory.mktemp("bare") / "venv", wheel)
    for name in required(found):
        for file in metadata.distribution(name).files or ():
            link = found.packages / file.parts[0]
            if file.parts[0] != ".." and not link.exists():
                link.symlink_to(Path(sysconfig.get_paths()["purelib"]) / file.parts[0])
    return found


def required(environment: Environment) -> set[str]:
    """The distributions that the wheel requires, and those that these require."""
    (own,) = metadata.distributions(name="throughline", path=[str(environment.packages)])
    waiting, found = list(own.requires or ()), set[str]()
    while waiting:
        requirement = waiting.pop()
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        if "extra ==" not in requirement and name not in found:
            found.add(name)
            waiting += metadata.requires(name) or ()
    return found


@pytest.fixture(scope="module")
def project(whole: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project, from `throughline init` to a model."""
    folder = tmp_path_factory.mktemp("user")
    assert whole.run(folder, "throughline", "init", "shop").returncode == 0
    root = folder / "shop"
    generator = np.random.default_rng(0)
    prices, countries = generator.uniform(1, 99, 80), generator.choice(["NL", "PT"], 80)
    returned = prices + generator.normal(0, 20, 80) > 50
    lines = zip(prices, countries, np.where(returned, "yes", "no"), strict=True)
    table = "".join(f"{price:.2f},{country},{label}\n" for price, country, label in lines)
    (root / "orders.csv").write_text(f"price,country,returned\n{table}")
    (root / "pipelines/orders").mkdir()
    (root / "pipelines/orders/pipeline.yaml").write_text(PIPELINE)
    (root / "rows.csv").write_text(ROWS)
    for words in (
        ("throughline", "wire"),
        ("throughline", "check"),
        ("python", "-m", "dvc", "repro", "-P"),
    ):
        done = whole.run(root, *words)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return root


class TestTheWheel:
    def test_holds_every_module_and_data_file(self, wheel: Path) -> None:
        held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("throug")}
        held = {name for name in held if ".dist-info/" not in name}
        own = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "throughline").rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        }
        given = {f"throughline/project/files/{path.as_posix()}" for path in template()}
        assert held == own | given

    def test_claims_one_name(self, wheel: Path) -> None:
        tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
        assert {top for top in tops if not top.endswith(".dist-info")} == {"throughline"}


class TestInAFreshEnvironment:
    def test_the_package_is_the_wheels(self, whole: Environment, tmp_path: Path) -> None:
        done = whole.run(
            tmp_path, "python", "-c", "import throughline; print(throughline.__file__)"
        )
        assert Path(done.stdout.strip()) == whole.packages / "throughline/__init__.py"

    def test_a_project_has_the_files_of_this_repository(self, project: Path) -> None:
        for path, content in template().items():
            assert (project / path).read_bytes() == content, path

    def test_a_pipeline_goes_from_init_to_an_answer(
        self, whole: Environment, project: Path
    ) -> None:
        done = whole.run(project, "throughline", "predict", "models/orders/model.onnx", "rows.csv")
        assert done.returncode == 0, done.stderr
        header, *answers = done.stdout.splitlines()
        assert header == "probability[yes],label,outside_training"
        assert [answer.split(",")[1] in ("yes", "no") for answer in answers] == [True, True]
        (project / "reports/orders/evaluation/report.html").stat()

    def test_nothing_is_to_do_afterwards(self, whole: Environment, project: Path) -> None:
        done = whole.run(project, "python", "-m", "dvc", "status", "pipelines/orders/dvc.yaml")
        assert done.stdout == "Data and pipelines are up to date.\n", done.stderr


class TestInABareEnvironment:
    def test_no_more_is_there_than_runs_a_model(self, bare: Environment, tmp_path: Path) -> None:
        assert {"click", "numpy", "onnxruntime"} <= required(bare)
        done = bare.run(tmp_path, "python", "-c", "import yaml")
        assert "No module named 'yaml'" in done.stderr

    def test_the_model_answers_the_same(
        self, bare: Environment, whole: Environment, project: Path
    ) -> None:
        words = ("throughline", "predict", "models/orders/model.onnx", "rows.csv")
        here, there = bare.run(project, *words), whole.run(project, *words)
        assert here.returncode == 0, here.stderr
        assert here.stdout == there.stdout

    def test_help_is_there_and_the_rest_says_what_it_needs(
        self, bare: Environment, tmp_path: Path
    ) -> None:
        assert "cross_validate" in bare.run(tmp_path, "throughline", "--help").stdout
        done = bare.run(tmp_path, "throughline", "check")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "pip install 'throughline[pipelines]'" in done.stderr
