"""Damaged and hostile inputs through every reader and the command: what none of them may do."""

from throughline.processor import fix

# Before anything loads numpy; afterwards every command would refuse.
fix()
