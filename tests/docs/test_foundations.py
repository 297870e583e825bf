"""The page of foundations, run as it stands."""

from __future__ import annotations

import doctest

from tests.docs.pages import ROOT


def test_every_number_is_as_it_says() -> None:
    page = ROOT / "docs" / "foundations.md"
    text = page.read_text(encoding="utf-8").replace("```", "")
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert len(examples.examples) > 30
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    runner = doctest.DocTestRunner(optionflags=flags)
    said: list[str] = []
    runner.run(examples, out=said.append)
    assert runner.failures == 0, "".join(said)
