"""The pages of reference are those that the schema and the commands give."""

from __future__ import annotations

import pytest

from tests.docs.reference import FOLDER, pages


@pytest.mark.parametrize("name", ["commands.md", "keys.md"])
def test_page_is_as_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`"
