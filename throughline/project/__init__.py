"""What `throughline init` makes of a folder."""

from __future__ import annotations

# Of this repository, which is a project itself, the files that every project begins with. The wheel
# holds copies of them in `throughline/project/files/`, beside those that are there already.
SHARED = (
    ".dvcignore",
    ".gitattributes",
    ".gitignore",
    "data/README.md",
    "flows",
    "models/README.md",
    "params.yaml",
    "tasks",
)
