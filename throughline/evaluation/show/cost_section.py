"""What the stages took, shown from a page of its own beside the report."""

from __future__ import annotations

# From the folder of the report page; written by throughline/stages/costs.py after every stage.
COSTS = "../costs/costs.html"


def section() -> str:
    """The place in the report where the costs appear.

    Seconds and memory differ from run to run and the report's bytes may not, so the page only
    shows another file; a copy of the report without that file says so.
    """
    return (
        "<h2>Seconds and memory</h2>"
        f'<object class="costs" type="text/html" data="{COSTS}">'
        f'<p class="note">What each stage took stands in <code>{COSTS}</code> where the stages '
        "ran; this copy of the report came without it.</p></object>"
    )
