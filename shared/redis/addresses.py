"""Addresses of Redis: what a URL says, as a value that shows no secret.

redis-py reads single servers and sockets only, and passes over what it does not understand; here each part of a URL is
used or refused. Errors quote nothing but the scheme, and what is a bare host with its port: where a password has an
unescaped character, any other part of the URL may be a piece of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from monarq.shared.errors import SettingsError

REDIS_PORT: Final = 6379
SENTINEL_PORT: Final = 26379

Node = tuple[str, int]
"""A host, without brackets, and a port."""

SENTINEL_PREFIX: Final = "sentinel_"
"""Begins the options of a URL that are for the connections to the sentinels themselves."""


class AddressKind(Enum):
    """What a URL leads to."""

    SERVER = "server"
    UNIX = "unix"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


_TLS_OF: Final = {"redis": False, "rediss": True, "valkey": False, "valkeys": True}
_KINDS: Final = {"": AddressKind.SERVER, "+sentinel": AddressKind.SENTINEL, "+cluster": AddressKind.CLUSTER}
SCHEMES: Final = {
    **{scheme + suffix: (kind, tls) for suffix, kind in _KINDS.items() for scheme, tls in _TLS_OF.items()},
    "unix": (AddressKind.UNIX, False),
}
"""All schemes, with what each leads to, and whether it means TLS."""

_SCHEME_MISSING: Final = "does not begin with redis://, rediss://, redis+sentinel://, redis+cluster:// or unix://"
_BARE_HOST: Final = re.compile(r"[a-zA-Z0-9.-]+(:[0-9]{1,5})?(/[0-9]+)?")
_ENCODE: Final = "in a user or password, write @ : / ? # % as %40 %3A %2F %3F %23 %25"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password; None for what is not given."""

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """What a Redis URL says.

    Attributes:
        scheme: as given, in lower case, such as ``rediss+sentinel``.
        kind: what it leads to.
        tls: whether connections are encrypted, those to sentinels included.
        nodes: the server; or the sentinels, or some nodes of the cluster, in the order given. Empty for a socket.
        path: the file of a Unix socket, else ''.
        service: the name by which sentinels know the servers, else ''.
        db: the number of the database.
        credentials: for the servers.
        sentinel_credentials: for the sentinels.
        options: redis-py's options of connections, as text; they may hold secrets.
        sentinel_options: those of connections to sentinels where they differ, without the prefix ``sentinel_``.
    """

    scheme: str
    kind: AddressKind
    tls: bool = False
    nodes: tuple[Node, ...] = ()
    path: str = ""
    service: str = ""
    db: int = 0
    credentials: Credentials = field(default=Credentials(), repr=False)
    sentinel_credentials: Credentials = field(default=Credentials(), repr=False)
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    sentinel_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """The URL for messages and logs: without users, passwords and options."""
        if self.kind is AddressKind.UNIX:
            return f"unix://{self.path}"
        parts = [",".join(map(show_node, self.nodes))]
        if self.service:
            parts.append(quote(self.service, safe=""))
        if self.db:
            parts.append(str(self.db))
        return f"{self.scheme}://{'/'.join(parts)}"


def show_node(node: Node) -> str:
    """``host:port``, with an IPv6 address in brackets."""
    host, port = node
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(url: str) -> RedisAddress:
    """Reads a URL in one of these forms, with ``valkey`` for ``redis`` as well, and ``rediss`` or ``valkeys`` for TLS.

    - ``redis://user:password@host:port/db?option=value``
    - ``redis+sentinel://user:password@host:port,host:port/service/db?sentinel_username=…&sentinel_password=…``
    - ``redis+cluster://user:password@host:port,host:port``
    - ``unix://user:password@/path/of/socket?db=1``

    Whitespace at its ends does not count: a file that holds a URL ends with a newline.

    User and password of the front are the servers'. Options are those of redis-py's connections; with ``sentinel_``
    before the name, of connections to the sentinels.

    Raises:
        SettingsError: it has none of these forms; the message says what is wrong.
    """
    scheme, separator, rest = url.strip().partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in SCHEMES:
        wrong = _wrong_scheme(scheme) if separator else _without_scheme(url.strip())
        raise SettingsError(f"no URL of a Redis server: {wrong}")
    kind, tls = SCHEMES[scheme]
    whole = rest
    rest, _, query = rest.partition("#")[0].partition("?")
    authority, _, path = rest.partition("/")
    front, at, hosts = authority.rpartition("@")
    if kind is not AddressKind.UNIX and not at and "@" in whole:
        # Most likely a password goes on where the hosts seem to end: what follows must not be shown as a name.
        raise SettingsError(f"the Redis URL has an @ behind its hosts; {_ENCODE}")
    username, _, password = front.partition(":")
    options, sentinel_options = _read_options(query, kind)
    nodes = () if kind is AddressKind.UNIX else _read_nodes(kind, hosts)
    path, socket, service = _read_path(kind, hosts, path)
    db = _read_db(options.pop("db", path))
    if db and kind is AddressKind.CLUSTER:
        raise SettingsError("a Redis cluster has database 0 only: leave the database out of the URL")
    return RedisAddress(
        scheme=scheme,
        kind=kind,
        tls=tls,
        nodes=nodes,
        path=socket,
        service=service,
        db=db,
        credentials=Credentials(unquote(username) or None, unquote(password) or None),
        sentinel_credentials=Credentials(
            sentinel_options.pop("username", None), sentinel_options.pop("password", None)
        ),
        options=tuple(options.items()),
        sentinel_options=tuple(sentinel_options.items()),
    )


def _without_scheme(text: str) -> str:
    # Only what looks like a host is shown.
    if not _BARE_HOST.fullmatch(text):
        return f"it {_SCHEME_MISSING}"
    return f"{text!r} {_SCHEME_MISSING}; did you mean redis://{text}?"


def _wrong_scheme(scheme: str) -> str:
    from difflib import get_close_matches

    known = f"it {_SCHEME_MISSING}"
    # Only what looks like a scheme is shown.
    if not scheme.replace("+", "").replace("-", "").isalnum():
        return known
    near = get_close_matches(scheme, SCHEMES, n=1)
    return f"{scheme}://… is not one of its schemes; " + (f"did you mean {near[0]}://?" if near else known)


def _read_options(query: str, kind: AddressKind) -> tuple[dict[str, str], dict[str, str]]:
    """The options of a query, and those for sentinels; of several with one name the first counts, as in redis-py."""
    options: dict[str, str] = {}
    sentinel_options: dict[str, str] = {}
    for name, value in parse_qsl(query):
        if kind is AddressKind.SENTINEL and name.startswith(SENTINEL_PREFIX):
            sentinel_options.setdefault(name.removeprefix(SENTINEL_PREFIX), value)
        else:
            options.setdefault(name, value)
    return options, sentinel_options


def _read_path(kind: AddressKind, hosts: str, path: str) -> tuple[str, str, str]:
    """The database, the socket and the service that a path names."""
    if kind is AddressKind.UNIX:
        if hosts or not path:
            raise SettingsError(f"a Redis URL of a socket has its whole path, as in unix:///run/redis.sock; {_ENCODE}")
        return "", "/" + unquote(path), ""
    if kind is not AddressKind.SENTINEL:
        return path, "", ""
    service, _, db = path.partition("/")
    if not service:
        raise SettingsError(
            "a Redis URL of sentinels names the service that they watch, as in redis+sentinel://host:26379/SERVICE"
        )
    return db, "", unquote(service)


def _read_nodes(kind: AddressKind, hosts: str) -> tuple[Node, ...]:
    port = SENTINEL_PORT if kind is AddressKind.SENTINEL else REDIS_PORT
    if kind is AddressKind.SERVER:
        if "," in hosts:
            raise SettingsError(
                f"a Redis URL with several hosts needs redis+sentinel:// or redis+cluster:// at its front; {_ENCODE}"
            )
        host = "localhost" + hosts if not hosts or hosts.startswith(":") else hosts
        return (_read_node(host, port, "the Redis URL"),)
    parts = hosts.split(",")
    return tuple(_read_node(part, port, f"host {place} of the Redis URL") for place, part in enumerate(parts, 1))


def _read_node(text: str, default_port: int, where: str) -> Node:
    if _has_whitespace(unquote(text)):
        raise SettingsError(f"{where} has whitespace in it, such as a space or a newline: leave it out")
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        try:
            IPv6Address(unquote(host))
        except ValueError:
            bracket = ""
        if not bracket or (port and not port.startswith(":")):
            raise SettingsError(f"{where} has brackets, but no IPv6 address in them, as in [::1]:{default_port}")
    else:
        host, colon, port = text.partition(":")
        if ":" in port:
            raise SettingsError(
                f"{where} has more than one colon: an IPv6 address stands in brackets, as in [::1]:{default_port};"
                f" {_ENCODE}"
            )
        port = colon + port
    host = unquote(host).lower()
    if not host:
        raise SettingsError(f"{where} has no name: give it as name:port, and hosts with one comma between them")
    digits = port.removeprefix(":") or str(default_port)
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:6]) <= 65535 and len(digits) <= 5):
        raise SettingsError(f"{where} has a port that is not a number from 1 to 65535; {_ENCODE}")
    return host, int(digits)


def _read_db(text: str) -> int:
    if _has_whitespace(text):
        raise SettingsError("the Redis URL has whitespace in its database, such as a space or a newline: leave it out")
    digits = text.rstrip("/") or "0"
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise SettingsError(f"the Redis URL has a database that is not a number, as in redis://host:6379/0; {_ENCODE}")
    return int(digits)


def _has_whitespace(text: str) -> bool:
    return any(map(str.isspace, text))
