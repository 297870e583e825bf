"""What modules say of themselves in a constant, read without importing them.

The schema of a pipeline file must know the formats and encodings, and the help the stages, and
neither may import them: what they import is code of every stage, so that a changed reader would
train all networks again, and the help would wait for them.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any


def declarations(folder: str, constant: str) -> dict[str, Any]:
    """A constant of the modules of a folder that have it, by the names of the modules, sorted.

    Args:
        folder: below this package, such as `sources/formats`.
        constant: its name; its value is a literal that stands in the first column.
    """
    # Parsing whole modules would cost the help a third of its time.
    statement = re.compile(rf"^{constant} = (.*\n(?:[ )}}\]].*\n)*)", re.MULTILINE)
    found = {}
    for path in sorted(Path(__file__).parent.joinpath(folder).glob("*.py")):
        if match := statement.search(path.read_text(encoding="utf-8")):
            found[path.stem] = ast.literal_eval(match[1])
    return found
