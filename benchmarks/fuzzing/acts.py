"""What is done with one input: a reader, a command on a file, on a project, or of hostile words."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from benchmarks.fuzzing import inputs
from tests.security import models, projects
from throughline.cli import main, throughline

SECONDS = "5"
MEMORY = "0.5"
# What begins servers, browsers, trainings or a project elsewhere because its user asks for that.
NOT_CALLED = ("deploy", "flow", "init", "open", "reproduce", "retrain", "run")
HOSTILE_WORDS = (
    "", "-", "--", "-rf", "../../outside", "e;touch MARKER", "$(touch MARKER)", "a\nb", "\x1b[2J",
    "\udcff", "x" * 5000, "9" * 5000, "-1", "nan", "1e999", "rain", "rain@v1", "rain@v9", "@",
    "main", "train", "params.yaml", "nowhere.csv", "pipelines", "rows.csv", "sound.onnx", "‮",
    "<b>", "=1+1",
)  # fmt: skip
LOOKING = (
    ["list"], ["list", "--json"], ["check"], ["check", "rain"], ["wire", "rain"],
    ["why", "train", "rain"], ["status"], ["costs", "rain"], ["scoreboard"], ["scoreboard", "rain"],
    ["release", "list"],
    ["release", "list", "rain"], ["release", "show", "rain@v1"], ["lineage", "rain@v1"],
    ["release", "diff", "rain@v1", "rain@v1"], ["doctor"], ["--no-code", "ingest", "rain"],
    ["deploy", "apply"],
)  # fmt: skip


class Broken(Exception):
    """A promise that was not kept; says which."""


def kept(*words: str) -> None:
    """Call the command, which must end with one of its exit codes."""
    code = main(list(words))
    if code not in (0, 1, 2):
        raise Broken(f"exit code {code}")


def read(name: str, content: bytes) -> None:
    """Give a file to the reader of its ending."""
    from throughline.limits import guarded
    from throughline.pipeline.schema.pictures.image import Images
    from throughline.pipeline.schema.pretrained import Pretrained
    from throughline.pipeline.schema.source import Read
    from throughline.pipeline.yaml_file import YamlFile
    from throughline.serving.bounds import stranger
    from throughline.serving.predictor import Predictor
    from throughline.serving.rows.reading import read_columns
    from throughline.sources.formats.reading import read_bytes
    from throughline.sources.pictures.decoding import decoded
    from throughline.sources.table import standardised

    path = Path(name)
    path.write_bytes(content)
    if name.endswith(".onnx"):
        with stranger(path, float(SECONDS), 1 << 29):
            Predictor(path).predict({"x": ["1", "2"]})
    elif name.endswith(".yaml"):
        YamlFile(path)
    elif name.endswith(".png"):
        decoded(name, content, Images(size=[8, 8]))
    elif name.endswith(".db"):
        ingest({"sql": f"sqlite:///{name}", "query": "select * from t"})
    elif name.endswith(".keras"):
        from throughline.export.pretrained_graph import frozen_graph

        frozen_graph(path, Pretrained(file=name, sha256="0" * 64))
    else:
        frame, _ = read_bytes(content, name, Read())
        with guarded(name):
            standardised(frame, {}, (), name)
        if name.endswith((".csv", ".jsonl", ".json", ".parquet")):
            with stranger(path):
                read_columns(path)


def ingest(source: dict[str, Any]) -> None:
    """Fetch the rows of a source by `ingest`."""
    from types import SimpleNamespace

    from throughline.paths import Workspace
    from throughline.pipeline.schema.source import Source
    from throughline.stages.given import StageInput
    from throughline.stages.ingest import ingest as stage

    view = SimpleNamespace(source=Source(**source))
    stage(StageInput("rain", {"main": view}, {"main": "main"}, {}, {}), Workspace(Path(), "rain"))


def command(name: str, content: bytes, chance: random.Random) -> None:
    """Give a file to a command that takes such a file."""
    bounds = ["--seconds", SECONDS, "--memory", MEMORY]
    path = Path(name)
    path.write_bytes(content)
    if name.endswith(".onnx"):
        kept("inspect", name)
        kept("predict", name, "rows.csv", *bounds)
        kept(*chance.choice((["drift", name, "rows.csv"], ["stream", name, "rows.csv", *bounds])))
    elif name.endswith(".yaml"):
        Path("pipelines/rain").mkdir(parents=True, exist_ok=True)
        path.replace("pipelines/rain/pipeline.yaml")
        kept("check", "rain")
    elif name.endswith((".png", ".keras", ".db")):
        read(name, content)
    elif chance.random() < 0.5:
        kept("profile", name, "--as", "drafted")
    elif chance.random() < 0.5:
        kept("predict", "sound.onnx", name, *bounds)
    else:
        Path("texts").mkdir()
        path.replace(Path("texts") / name)
        kept("profile", "texts", "--as", "drafted")


def folder(files: dict[str, bytes], chance: random.Random) -> None:
    """Look at a project in which one file is not what a command wrote."""
    # What git and DVC read of their own is theirs.
    name = chance.choice([each for each in sorted(files) if not each.startswith((".git", ".dvc"))])
    if chance.random() < 0.7:
        of_json = name.endswith(".json")
        content = (json.loads if of_json else yaml.safe_load)(files[name])
        content = inputs.misshapen(content, chance)
        text = json.dumps(content) if of_json else yaml.safe_dump(content, sort_keys=False)
        changed = text.encode("utf-8", "surrogateescape")
    else:
        changed = inputs.damaged(files[name], files[chance.choice(sorted(files))], chance)
    for each, held in (files | {name: changed}).items():
        Path(each).parent.mkdir(parents=True, exist_ok=True)
        Path(each).write_bytes(held)
    for words in chance.sample(LOOKING, 3):
        kept(*words)


def contract(chance: random.Random) -> bytes:
    """A model whose metadata have the wrong shape."""
    return models.identity(json.dumps(inputs.misshapen(models.contract(), chance)))


def pipeline(chance: random.Random) -> bytes:
    """A pipeline file whose values have the wrong shape."""
    content = inputs.misshapen(yaml.safe_load(yaml.safe_dump(projects.DOCUMENT)), chance)
    return yaml.safe_dump(content, sort_keys=False).encode("utf-8", "surrogateescape")


def hostile_words(chance: random.Random) -> list[str]:
    """A call of some command with hostile words in all places."""
    called, words = throughline, list[str]()
    while isinstance(called, click.Group):
        context = click.Context(called)
        names = [each for each in called.list_commands(context) if each not in NOT_CALLED]
        words.append(chance.choice(names))
        found = called.get_command(context, words[-1])
        assert found is not None
        called = found
    return [*words, *_values(called, chance)]


def _values(called: click.Command, chance: random.Random) -> Iterator[str]:
    for parameter in called.params:
        if isinstance(parameter, click.Option):
            if isinstance(parameter.type, click.Path) or chance.random() < 0.6:
                continue
            yield chance.choice(parameter.opts)
            if parameter.is_flag:
                continue
        elif chance.random() < 0.1:
            continue
        word = chance.choice(HOSTILE_WORDS)
        # Where a path leads is for its user to say.
        elsewhere = isinstance(parameter.type, click.Path) and ".." in word
        yield "nowhere" if elsewhere else word
