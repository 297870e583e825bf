"""What the docs tell a reader to write and to type is what the project takes."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tests.docs.pages import PAGES, ROOT, Block, blocks
from throughline.cli import throughline
from throughline.cli.schema import content

# A digest of 64 digits is cut short on a page.
DIGEST = re.compile(r"(sha256: )[^,}\n]*")


def entries(text: str) -> Iterator[Any]:
    """The alternatives of a block, each begun by a key at its left edge, as YAML reads them."""
    for part in re.split(r"^(?=[^\s#-])", text, flags=re.MULTILINE):
        if part.strip() and not all(line.startswith("#") for line in part.splitlines()):
            yield yaml.safe_load(DIGEST.sub(rf"\g<1>'{'0' * 64}'", part))


def is_yaml(info: str) -> bool:
    """Whether a block is of a pipeline file."""
    return info == "yaml" or info.endswith('pipeline.yaml"')


def is_python(info: str) -> bool:
    """Whether a block is Python, of a file or not."""
    return info.startswith("python")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return content()


class TestYaml:
    @pytest.mark.parametrize("block", blocks(is_yaml), ids=str)
    def test_holds_keys_and_values_of_a_pipeline_file(
        self, block: Block, schema: dict[str, Any]
    ) -> None:
        from jsonschema import Draft202012Validator

        sections = [schema, *schema["$defs"].values()]
        for entry in entries(block.text):
            assert isinstance(entry, dict)
            for key, value in entry.items():
                owners = [s["properties"][key] for s in sections if key in s.get("properties", {})]
                assert owners, f"{key} is no key"
                assert any(
                    Draft202012Validator(owner | {"$defs": schema["$defs"]}).is_valid(value)
                    for owner in owners
                ), (key, value)

    @pytest.mark.parametrize("block", blocks('yaml title="params.yaml"'.__eq__), ids=str)
    def test_holds_what_params_yaml_may_say(self, block: Block) -> None:
        from throughline.limits import Limits

        for entry in entries(block.text):
            assert Limits.of(entry.pop("limits")) != Limits() and not entry

    @pytest.mark.parametrize("block", blocks('yaml title="prefect.yaml"'.__eq__), ids=str)
    def test_holds_what_prefect_yaml_may_say(
        self, block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.pipeline.yaml_file import YamlFile
        from throughline.running.prefect import alerts

        for name in ("SLACK_URL", "HOOK_TOKEN"):
            monkeypatch.setenv(name, "https://hooks.example.org/1")
        (tmp_path / "prefect.yaml").write_text(block.text)
        assert alerts.written(YamlFile(tmp_path / "prefect.yaml"))


class TestPython:
    @pytest.mark.parametrize("block", blocks(is_python), ids=str)
    def test_imports_what_is_there(self, block: Block) -> None:
        imports = [node for node in ast.parse(block.text).body if isinstance(node, ast.ImportFrom)]
        for node in imports:
            module = importlib.import_module(str(node.module))
            assert all(hasattr(module, each.name) for each in node.names)


def lines() -> list[tuple[str, str]]:
    """Every `throughline ...` of the docs, in blocks and in running text, with its place."""
    found = []
    for page in PAGES:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            place = f"{page.relative_to(ROOT)}:{number}"
            words = [line.strip().removeprefix("$ ")] if "`" not in line else line.split("`")[1::2]
            found += [(place, each) for each in words if each.startswith("throughline ")]
    return found


class TestCommands:
    @pytest.mark.parametrize(("place", "line"), lines())
    def test_have_these_words_and_options(self, place: str, line: str) -> None:
        words = shlex.split(line.split("|")[0].split("&&")[0], comments=True)[1:]
        group: click.Command = throughline
        context = click.Context(throughline, info_name="throughline")
        while isinstance(group, click.Group) and words and not words[0].startswith("-"):
            if words[0] == "STAGE":
                words = ["ingest", *words[1:]]
            found = group.get_command(context, words[0])
            assert found is not None, f"{place}: no command {words[0]}"
            group, words = found, words[1:]
        known = {name for each in group.params for name in (*each.opts, *each.secondary_opts)}
        given = {
            word.split("=")[0].strip("[]") for word in words if re.match(r"\[?-{1,2}[a-z]", word)
        }
        assert given <= known | {"--help", "--version"}, place
