"""What `throughline add` calls the pipeline that it writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.cli.adding import name_after
from throughline.names import BadName, named


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("gekündigt", "gekundigt"),
        ("Straße (Nr.)", "strasse-nr"),
        ("Цена", "tsena"),
        ("Ελλάδα", "ellada"),
        ("churned_2024", "churned-2024"),
        ("🙂", "first"),
    ],
)
def test_a_pipeline_is_named_after_a_column_in_the_letters_a_to_z(text: str, name: str) -> None:
    assert name_after(text) == name


@given(st.text())
def test_what_a_column_is_called_is_a_name_or_one_that_no_disk_takes(text: str) -> None:
    name = name_after(text)
    try:
        assert named(name) == name
    except BadName as error:
        assert "device" in str(error)
