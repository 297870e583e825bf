"""A name is one safe word for paths, shells, git and DVC; anything else is refused in one line."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from throughline.names import LONGEST_NAME, PATTERN, BadName, Name, named
from throughline.paths import Workspace, pipelines

PERMITTED = "abzABZ019-_."
# Mostly names and what is nearly one; free text would hardly ever be a name.
NEARLY = st.text(st.sampled_from(PERMITTED), max_size=LONGEST_NAME + 2) | st.builds(
    "".join, st.lists(st.sampled_from(["nul", "com1", ".lock", "..", ".", "-", "x"]), max_size=4)
)
HOSTILE = ("/", "\\", "..", "\n", "\r", "\0", "\x1b", ";", "$", "`", "'", '"', " ", "~", "^", ":")
HOSTILE += ("?", "*", "[", "]", "@{", "{", "}", "|", "&", "<", ">", "#", "!", "%", "é", "\u2028")


def is_name(text: str) -> bool:
    try:
        return named(text) == text
    except BadName:
        return False


def git_takes(name: str) -> bool:
    """Whether git accepts a name as a tag and a branch, alone and as a release's tag."""
    references = [f"refs/tags/{name}{end}" for end in ("", "@v1", "/a", "=model@v1.0.0")]
    commands = [["git", "check-ref-format", reference] for reference in references]
    commands.append(["git", "check-ref-format", "--branch", name])
    return all(subprocess.run(each, capture_output=True).returncode == 0 for each in commands)


class TestWhatIsAccepted:
    @given(NEARLY | st.text())
    @example("a" * LONGEST_NAME)
    @example("v1.5-2_x")
    def test_is_one_word_and_one_step_of_a_path(self, text: str) -> None:
        if not is_name(text):
            return
        assert shlex.quote(text) == text
        assert Path(text).parts == PureWindowsPath(text).parts == (text,)
        assert text.isascii() and text.isprintable() and len(text) <= LONGEST_NAME
        # The rules of git-check-ref-format that these letters could break.
        assert not text.startswith((".", "-")) and not text.endswith((".", ".lock"))
        assert ".." not in text and not set(text) & set(" ~^:?*[\\@{")

    @given(st.from_regex(PATTERN, fullmatch=True))
    def test_is_a_file_that_windows_can_have(self, text: str) -> None:
        if is_name(text):
            assert not PureWindowsPath(text).is_reserved()

    @pytest.mark.parametrize(
        "name", ["iris", "a", "7", "imdb-variants", "v1.5", "A_b-c.d", "nulls", "a" * LONGEST_NAME]
    )
    def test_are_usual_names_and_git_takes_them(self, name: str) -> None:
        assert is_name(name)
        assert git_takes(name)

    # A process of git takes milliseconds.
    @settings(max_examples=20, deadline=None)
    @given(st.from_regex(PATTERN, fullmatch=True).filter(is_name))
    @example("a." + "b" * 50 + ".locks")
    def test_git_takes_whatever_is_accepted(self, name: str) -> None:
        assert git_takes(name)


class TestWhatIsRefused:
    @given(st.text(), st.sampled_from(HOSTILE), st.text())
    def test_text_with_a_hostile_part(self, before: str, hostile: str, after: str) -> None:
        assert not is_name(before + hostile + after)

    @given(st.sampled_from(HOSTILE), st.from_regex(PATTERN, fullmatch=True), st.integers(0, 64))
    def test_a_name_with_a_hostile_part(self, hostile: str, text: str, place: int) -> None:
        assert not is_name(text[:place] + hostile + text[place:])

    @given(st.sampled_from(["-", ".", "_", "--", "~", "-rf "]), st.from_regex(PATTERN))
    def test_another_beginning(self, beginning: str, text: str) -> None:
        assert not is_name(beginning + text)

    @pytest.mark.parametrize(
        "text",
        ["", ".", "..", "a.", "a..b", "a\n", "a.lock", "a.LOCK", "nul", "CON", "Com1.csv", "lpt9",
         "a" * (LONGEST_NAME + 1), "../../x", "/etc", "C:x", "e;touch X", "-f", ".git", "ａ"],
    )  # fmt: skip
    def test_this(self, text: str) -> None:
        with pytest.raises(BadName, match=r"^A name must .+ Received: .+ Choose another name\.$"):
            named(text)

    @pytest.mark.parametrize("text", [None, 1, True, b"iris", ["iris"]])
    def test_what_is_no_text(self, text: object) -> None:
        with pytest.raises(BadName):
            named(text)

    @given(st.text())
    def test_in_one_line_that_steers_no_terminal(self, text: str) -> None:
        try:
            named(text)
        except BadName as error:
            assert str(error).isprintable()


class TestWhereItIsUsed:
    def test_as_a_type_of_a_section(self) -> None:
        class Section(BaseModel):
            name: Name
            parts: dict[Name, int] = {}

        section = Section(name="a", parts={"b-c": 1})
        assert type(section.name) is str
        for wrong in ({"name": "../a"}, {"name": "a", "parts": {"b;c": 1}}):
            with pytest.raises(ValidationError, match="must consist of"):
                Section.model_validate(wrong)

    @given(st.text().filter(lambda text: not is_name(text)))
    @example("")
    @example("../../x")
    def test_no_workspace_without_one(self, text: str) -> None:
        with pytest.raises(BadName, match="The name of a pipeline"):
            Workspace(Path(), text)

    def test_pipelines_are_listed_by_their_names(self, tmp_path: Path) -> None:
        for name in ("b", "a"):
            (tmp_path / "pipelines" / name).mkdir(parents=True)
            (tmp_path / "pipelines" / name / "pipeline.yaml").touch()
        assert pipelines(tmp_path) == ["a", "b"]
        assert pipelines(tmp_path / "nowhere") == []
