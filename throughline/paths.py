"""Every path of a pipeline, and writing files so that a killed process loses nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughline.errors import BadData, MissingFile, nearest
from throughline.names import Name, named

PROJECT = "params.yaml"
BEGIN = "Go to the project's folder, or run `throughline init` here"
# Beside the rows of `ingest`, `validate` and `prepare`: how the texts of a file's cells were read.
READING_FILE = "reading.json"


@dataclass(frozen=True)
class Workspace:
    """The files of one pipeline below a repository's root.

    Args:
        root: the repository.
        name: the pipeline, a folder below `pipelines/`.

    Raises:
        BadName: a name that would lead elsewhere, or that a shell or git would read as more.
    """

    root: Path
    name: Name

    def __post_init__(self) -> None:
        """Refuse a name that is none: all paths below are made of it."""
        named(self.name, "The name of a pipeline")

    @property
    def pipeline_file(self) -> Path:
        """What the user writes."""
        return self.root / "pipelines" / self.name / "pipeline.yaml"

    @property
    def stages_file(self) -> Path:
        """DVC's stages, written by `throughline wire`."""
        return self.root / "pipelines" / self.name / "dvc.yaml"

    @property
    def repairs(self) -> Path:
        """Quarantined rows that a person has mended; see `throughline readmit`."""
        return self.root / "pipelines" / self.name / "repairs.csv"

    @property
    def parameters_file(self) -> Path:
        """What all pipelines share."""
        return self.root / "params.yaml"

    @property
    def raw(self) -> Path:
        """Folder of `ingest`: rows.parquet, provenance.json."""
        return self.root / "data" / "raw" / self.name

    @property
    def clean(self) -> Path:
        """Folder of `validate`: rows.parquet, quarantine.parquet."""
        return self.root / "data" / "clean" / self.name

    @property
    def validation_report(self) -> Path:
        """Folder of `validate`: validation.json, validation.html."""
        return self.root / "reports" / self.name / "validation"

    @property
    def bottleneck(self) -> Path:
        """Folder of `bottleneck`: pretrained networks and the features of frozen ones."""
        return self.root / "data" / "bottleneck" / self.name

    @property
    def training_data(self) -> Path:
        """Folder of `prepare`: for each branch rows, arrays, preprocess.onnx, prepared.json."""
        return self.root / "data" / "prepared" / self.name / "training"

    @property
    def test_data(self) -> Path:
        """Folder of `prepare`: for each branch the raw test rows."""
        return self.root / "data" / "prepared" / self.name / "test"

    @property
    def cross_validation(self) -> Path:
        """Folder of `cross_validate`: scores.json, curves.csv, plots."""
        return self.root / "reports" / self.name / "cross_validation"

    @property
    def networks(self) -> Path:
        """Folder of `train`: for each branch network.json, network.weights.h5, history.csv."""
        return self.root / "models" / self.name / "network"

    @property
    def model(self) -> Path:
        """The model of the pipeline itself."""
        return self.root / "models" / self.name / "model.onnx"

    @property
    def variants(self) -> Path:
        """Folder of `export`: one ONNX file a variant."""
        return self.root / "models" / self.name / "variants"

    @property
    def nearest(self) -> Path:
        """Folder of `export`: features of training pictures, where a frozen network made some."""
        return self.root / "models" / self.name / "nearest"

    @property
    def precisions(self) -> Path:
        """Folder of `export`: the model in the smaller precisions that the file asks for."""
        return self.root / "models" / self.name / "precisions"

    @property
    def parity(self) -> Path:
        """How far each model departs from its network."""
        return self.root / "models" / self.name / "parity.json"

    @property
    def metrics(self) -> Path:
        """The figures of the test rows."""
        return self.root / "reports" / self.name / "metrics.json"

    @property
    def evaluation(self) -> Path:
        """Folder of `evaluate`: details, tables and plots."""
        return self.root / "reports" / self.name / "evaluation"

    def model_of(self, branch: str) -> Path:
        """The ONNX file of a branch."""
        return self.model if branch == "main" else self.variants / f"{branch}.onnx"


def pipelines(root: Path) -> list[str]:
    """The names of all pipelines of a repository, sorted.

    Raises:
        BadName: a folder with a pipeline file has a name that no pipeline may have.
    """
    found = sorted(path.parent.name for path in root.glob("pipelines/*/pipeline.yaml"))
    return [named(name, "The name of a folder below pipelines/") for name in found]


def in_project(root: Path) -> None:
    """Make sure that a folder is a project, before a command finds nothing to do in it.

    Raises:
        MissingFile: it has neither params.yaml nor a pipeline.
    """
    if not (root / PROJECT).exists() and not pipelines(root):
        raise MissingFile(
            f"A project has {PROJECT} and pipelines/NAME/pipeline.yaml", "neither here", BEGIN
        )


def existing(root: Path, name: str) -> Workspace:
    """The files of a pipeline that is there.

    Raises:
        MissingFile: there is none of that name; the message names the nearest.
    """
    workspace = Workspace(root, name)
    if not workspace.pipeline_file.exists():
        raise MissingFile(
            f"A pipeline is a folder with the file {workspace.pipeline_file}",
            name,
            like_pipeline(root, name),
        )
    return workspace


def like_pipeline(root: Path, name: str) -> str:
    """What to do about a name that no pipeline has: the nearest one, or how to come by one."""
    names = pipelines(root)
    if names:
        return nearest(name, names)
    here = (root / PROJECT).exists()
    return "There is none yet; `throughline add DATA` makes one" if here else BEGIN


def needed(path: Path, stage: str) -> Path:
    """`path` itself, once it is certain that the stage that makes it has run.

    Raises:
        MissingFile: it has not.
    """
    if not path.exists():
        raise MissingFile(
            f"'{path}' is needed and is made by stage '{stage}'", remedy="Run it first"
        )
    return path


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path to write a file or folder to; it takes the place of `path` only when all went well.

    Whatever stands at `path` stays until then, so a stage that is killed leaves the old output or
    the new one, never a part. A folder that was killed between its two renamings is absent, and
    back at the next call.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.parent / f".{path.name}.draft"
    old = path.parent / f".{path.name}.old"
    _remove(draft)
    if old.exists() and not path.exists():
        old.rename(path)
    _remove(old)
    try:
        yield draft
        if draft.is_dir() and path.is_dir():
            # A folder cannot be renamed onto a folder that holds files.
            path.rename(old)
            draft.rename(path)
            _remove(old)
        else:
            draft.replace(path)
    finally:
        _remove(draft)


def linked(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the target lies on another disk."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as JSON whose bytes depend on the content alone."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        BadData: it holds something else.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        remedy = "Run the stage that writes it again"
        raise BadData(f"'{path}' must be a JSON file", str(error), remedy) from None
