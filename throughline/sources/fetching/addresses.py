"""Addresses: parsed before secrets are filled in, recorded as written, and where they may lead.

`$NAME` in an address comes from the environment. It is filled into a part of the address that is
known already, so no value can end the part it stands in, and what is shown or written holds the
name and never the value.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from throughline.errors import BadData, listed
from throughline.processes import NO_CODE

if TYPE_CHECKING:
    import requests

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# What may be a password in an address; digits and a slash are a port, and `$NAME` is none. The host
# begins behind the last `@`, as whoever connects reads it.
PASSWORD = re.compile(r"(://[^/@\s:]*:)(?!\d+/)(?!\$\{?\w+\}?@)[^@\s]*@(?:[^/@\s]*@)*")
# Servers of files take a token in the place of a user.
TOKEN = re.compile(r"(https?://)(?!\$\{?\w+\}?@)[^/@\s:]+@(?:[^/@\s]*@)*")
HIDDEN = "***"
MOST_HOPS = 10
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# IPv6 that `ipaddress` calls global and that no public machine has: addresses of IPv4 in older
# notations, and RFC 8215's for the translation inside a network.
LOCAL = [ipaddress.ip_network(each) for each in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48")]


def redacted(text: str) -> str:
    """`text` without the passwords of the addresses in it.

    Example:
        >>> redacted("https://me:word@example.org/a.csv of postgresql://me:$WORD@host/x")
        'https://me:***@example.org/a.csv of postgresql://me:$WORD@host/x'
    """
    return TOKEN.sub(rf"\1{HIDDEN}@", PASSWORD.sub(rf"\1{HIDDEN}@", text))


class Secrets:
    """Values of the environment that were filled into an address.

    Args:
        key: of the pipeline file, for messages.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._names: dict[str, str] = {}

    def fill(self, part: str) -> str:
        """A part of an address with `$NAME` replaced.

        Raises:
            BadData: the environment lacks a name, or a stranger's project must not learn of it.
        """
        names = [found[1] or found[2] for found in VARIABLE.finditer(part)]
        if names and os.environ.get(NO_CODE):
            raise BadData(
                f"'{self._key}' may name nothing of the environment under --no-code",
                listed(f"${name}" for name in names),
                "Leave out --no-code if you trust the project",
            )
        absent = [name for name in names if name not in os.environ]
        if absent:
            raise BadData(
                f"Every $NAME in '{self._key}' must be set in the environment", listed(absent)
            )
        self._names |= {os.environ[name]: f"${name}" for name in names if os.environ[name]}
        return VARIABLE.sub(lambda found: os.environ[found[1] or found[2]], part)

    def hide(self, text: str) -> str:
        """`text`, such as a server's message, with names in the place of the values."""
        for value in sorted(self._names, key=len, reverse=True):
            for written in {value, quote(value, safe=""), repr(value)[1:-1]}:
                text = text.replace(written, self._names[value])
        return redacted(text)


def checked(url: str, key: str = "source.url") -> None:
    """Refuse what is no address of a web server.

    Raises:
        BadData: it has another scheme, or no host.
    """
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise BadData(f"'{key}' must begin with https:// or http://", redacted(url))


def name_in(url: str) -> str:
    """The name of the file that an address ends with; empty where there is none."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def filled(url: str, secrets: Secrets) -> str:
    """An address with `$NAME` replaced in its user, password and query."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    place = ":".join(quote(secrets.fill(part), safe="%") for part in user.split(":", 1)) + at + host
    query = VARIABLE.sub(lambda found: quote(secrets.fill(found[0]), safe=""), parts.query)
    return parts._replace(netloc=place, query=query).geturl()


def refuse_private(url: str, hosts: Collection[str]) -> None:
    """Refuse an address of this machine or its network.

    Args:
        url: that a list, a page or another server named.
        hosts: names that may be asked all the same, `hosts` of params.yaml.

    Raises:
        BadData: it leads there.
    """
    host = urlsplit(url).hostname or ""
    if host in hosts:
        return
    try:
        found = _addresses(host)
    except (OSError, UnicodeError):
        # Nobody knows it here; a proxy may. Whoever connects looks again.
        return
    for address in found:
        _public(address, host, url)


def _addresses(host: str) -> list[str]:
    """The IP addresses of a name, each once, in the order of the look-up."""
    return list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, None)))


def _public(address: str, host: str, url: str) -> str:
    """An IP address of the host of `url`, once it is public."""
    if is_public(address):
        return address
    raise BadData(
        f"An address in data must lead to a public server: {redacted(url)}",
        address,
        f"Write '{host}' into 'hosts' of params.yaml if it may be asked",
    )


def is_public(address: str) -> bool:
    """Whether an IP address is none of this machine, its network or a group.

    Example:
        >>> is_public("8.8.8.8"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
        (True, False, False)
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if found.is_site_local or any(found in network for network in LOCAL):
            return False
    return found.is_global and not found.is_multicast


@contextmanager
def answer_of(
    url: str, hosts: Collection[str] | None, **settings: Any
) -> Iterator[requests.Response]:
    """What a server answers, at the end of its redirects.

    The name of a server may mean another machine a moment later, so the address that was looked at
    is the one that is connected to.

    Args:
        url: the address.
        hosts: where it came from data: private servers that may be asked. None: a person wrote it
            into the pipeline file, and it may lead to any server; where that one redirects to
            another, it must be public.
        settings: of `requests`.

    Raises:
        BadData: it leads to a private server, to no web server, or in a circle.
    """
    first = urlsplit(url).netloc
    for _ in range(MOST_HOPS):
        checked(url)
        mine = hosts is None and urlsplit(url).netloc == first
        if not mine:
            refuse_private(url, hosts or ())
        with (
            _session(url, None if mine else frozenset(hosts or ())) as session,
            session.get(url, allow_redirects=False, stream=True, **settings) as answer,
        ):
            if not answer.is_redirect:
                yield answer
                return
            url = urljoin(url, answer.headers["location"])
    raise BadData("An address must deliver a file", f"more than {MOST_HOPS} redirects")


def _session(url: str, hosts: Collection[str] | None) -> requests.Session:
    import requests
    from requests.utils import get_auth_from_url

    session = requests.Session()
    if hosts is not None:
        for scheme in ("http://", "https://"):
            session.mount(scheme, _adapter(hosts))
        written = get_auth_from_url(url)
        # Else requests looks into ~/.netrc, whose passwords no data may ask for.
        session.auth = written if any(written) else lambda request: request
    return session


def _adapter(hosts: Collection[str]) -> requests.adapters.BaseAdapter:
    """Connects to public machines alone."""
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.exceptions import HTTPError

    def looked_up(connect: Callable[[Any], socket.socket]) -> Callable[[Any], socket.socket]:
        def connected(self: Any) -> socket.socket:
            name = self._dns_host
            if self.host in hosts:
                return connect(self)
            try:
                found = _addresses(name)
            except (OSError, UnicodeError):
                # It says so itself.
                return connect(self)
            fault: Exception | None = None
            for address in found:
                try:
                    # Not the name: another look-up may say another machine.
                    self._dns_host = _public(address, self.host, self.host)
                    return connect(self)
                except HTTPError as error:
                    fault = error
                finally:
                    # It is what certificates are held against.
                    self._dns_host = name
            assert fault is not None
            raise fault

        return connected

    plain = type("Plain", (HTTPConnection,), {"_new_conn": looked_up(HTTPConnection._new_conn)})
    safe = type("Safe", (HTTPSConnection,), {"_new_conn": looked_up(HTTPSConnection._new_conn)})
    adapter = HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SafePool", (HTTPSConnectionPool,), {"ConnectionCls": safe}),
    }
    return adapter
