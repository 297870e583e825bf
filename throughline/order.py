"""The stages of every pipeline in their order, and what the help says of each.

Not in `stages`: `throughline --help` names them and imports none.
"""

from __future__ import annotations

from graphlib import TopologicalSorter

from throughline.declarations import declarations

_PLACES = declarations("stages", "PLACE")
_BEFORE = {name: [place["after"]] if place["after"] else [] for name, place in _PLACES.items()}

STAGES: dict[str, str] = {
    name: _PLACES[name]["help"] for name in TopologicalSorter(_BEFORE).static_order()
}
