"""The address that is told of verdicts, without a secret in Prefect's database or a log.

What a flow is called with stands in clear in Prefect's database, its pages and its logs. So an
address names variables of the environment, `$SLACK_URL` or `https://$HOOK_HOST/hooks/$HOOK_TOKEN`,
which are read at the moment of the call.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from throughline.errors import BadPipeline

TIMEOUT_SECONDS = 10.0
VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)\}|(?P<bare>[A-Za-z_]\w*))")
# Keys of a query whose values are secrets however short.
TELLING = re.compile(r"token|key|secret|sig|pass|auth|code", re.IGNORECASE)
# Nobody chooses such words: 16 letters and digits in a row, or a UUID.
RANDOM = re.compile(
    r"(?=[A-Za-z0-9]*[0-9])(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{16,}"
    r"|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
PIECES = re.compile(r"[/?&=:@]+")
SHORTEST = 4
REMEDY = (
    "Write the name of a variable, such as `--webhook '$WEBHOOK'`, and `export WEBHOOK=...` where "
    "the flow or its worker runs"
)


def check(address: str, where: str = "--webhook") -> None:
    """Refuse an address that would put a secret where everybody reads it.

    Args:
        address: as it was written; empty for none.
        where: what the message names.

    Raises:
        BadPipeline: it holds a password, or a part that looks like a token.
    """
    try:
        parts = urlsplit(VARIABLE.sub("", address))
        query = parse_qsl(parts.query)
    except ValueError as error:
        raise BadPipeline(f"{where} must be an address", str(error)) from None
    values = [value for _, value in query]
    secret = (
        bool(parts.password or parts.username)
        or any(TELLING.search(name) for name, value in query)
        or any(RANDOM.search(part) for part in (parts.path, parts.fragment, *values))
    )
    if secret:
        shown = f"{parts.scheme}://{parts.hostname}/…"
        raise BadPipeline(f"{where} must hold no secret: Prefect keeps it", shown, REMEDY)


def resolved(address: str) -> str:
    """An address with the values of its variables.

    Raises:
        BadPipeline: a variable is not set.
    """
    return VARIABLE.sub(_value, address)


def _value(found: re.Match[str]) -> str:
    name = found["braced"] or found["bare"]
    if not os.environ.get(name):
        raise BadPipeline("The webhook's variable must be set", f"no {name}", f"export {name}=...")
    return os.environ[name]


def post(address: str, content: Mapping[str, Any]) -> None:
    """Send a verdict; a receiver that is down, or no address at all, must not undo a release."""
    url = ""
    try:
        url = resolved(address)
        request = urllib.request.Request(
            url, json.dumps(content).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
            pass
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"webhook {address}: {_without_secrets(str(error), address, url)}", file=sys.stderr)


def _without_secrets(text: str, address: str, url: str) -> str:
    """A message, unless it repeats what the address' variables hold, whole or in part."""
    pieces = [piece for piece in PIECES.split(url) if len(piece) >= SHORTEST]
    if address != url and any(piece in text for piece in pieces):
        return "its address cannot be used"
    return text
