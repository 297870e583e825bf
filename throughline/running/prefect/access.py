"""Who may speak to Prefect's server: whoever can read its secret, and no page of another site.

Whoever may speak to it may have its worker run any command.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.cache import CACHE, store

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

URL = "PREFECT_API_URL"
CLIENTS_SECRET = "PREFECT_API_AUTH_STRING"
SERVERS_SECRET = "PREFECT_SERVER_API_AUTH_STRING"
# The secret of the server that stays. One that lives as long as a flow has its own, in memory.
SECRET = CACHE / "prefect" / "secret"


def new_secret() -> str:
    """What Prefect's basic authentication takes, `user:password`."""
    return f"throughline:{secrets.token_urlsafe(32)}"


def keep_secret(root: Path) -> str:
    """A new secret, in a file for its owner alone."""
    secret = new_secret()
    store(root / SECRET, secret.encode())
    return secret


def kept_secret(root: Path) -> str:
    """The secret of the server that stays."""
    return (root / SECRET).read_text(encoding="utf-8")


def speak_to(url: str, secret: str) -> None:
    """Have this process and those that it starts use a server; before Prefect is imported."""
    os.environ |= {URL: url, CLIENTS_SECRET: secret}


def speak_to_none() -> None:
    """Forget the server."""
    for name in (URL, CLIENTS_SECRET):
        os.environ.pop(name, None)


def settings(origin: str) -> dict[str, str]:
    """Prefect's settings for a server that only its own pages may use from a browser.

    Args:
        origin: such as http://127.0.0.1:4200.
    """
    return {
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": origin,
        "PREFECT_SERVER_UI_API_URL": f"{origin}/api",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "throughline.running.prefect.ordering",
    }


class OwnAddress:
    """Refuses a request that was not sent to the server's own address, or by a page from elsewhere.

    Prefect has no setting for the first, by which a site whose name leads to 127.0.0.1 would pass
    for the server's own; and what answers across origins covers no websocket.

    Args:
        app: the server.
        address: host and port as in the requests' `Host`.
    """

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._app = app
        self._address = address
        self._origin = f"http://{address}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        from starlette.datastructures import Headers
        from starlette.responses import PlainTextResponse

        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            origins = set(headers.getlist("origin"))
            if headers.getlist("host") != [self._address] or origins - {self._origin}:
                refusal = PlainTextResponse(f"Use {self._origin}\n", status_code=403)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
