"""The report page."""

from __future__ import annotations

from typing import Any


def page(report: dict[str, Any]) -> str:
    """The report as one HTML page that opens offline."""
    return f"<!doctype html><title>{report['title']}</title>\n"
