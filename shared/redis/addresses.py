"""Redis addresses: a parsed URL, as a value that does not reveal secrets.

redis-py supports only single servers and sockets, and ignores parts that it does not understand; here each part of a
URL is used or refused. Errors quote only the scheme and a bare host with its port: if a password contains an unescaped
character, any other part of the URL may be a piece of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from monarq.shared.errors import SettingsError
from monarq.shared.similar_names import suggestion

REDIS_PORT: Final = 6379
SENTINEL_PORT: Final = 26379

Node = tuple[str, int]
"""A host, without brackets, and a port."""

SENTINEL_PREFIX: Final = "sentinel_"
"""The prefix of options that are for the connections to the sentinels themselves."""


class AddressKind(Enum):
    """What a URL refers to."""

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
"""All schemes, with the kind of address, and whether it uses TLS."""

_SCHEME_MISSING: Final = "must begin with redis://, rediss://, redis+sentinel://, redis+cluster:// or unix://"
_BARE_HOST: Final = re.compile(r"[a-zA-Z0-9.-]+(:[0-9]{1,5})?(/[0-9]+)?")
_ENCODE: Final = "in a user or password, write @ : / ? # % as %40 %3A %2F %3F %23 %25"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password; None if not given."""

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A parsed Redis URL.

    Attributes:
        scheme: as given, in lower case, such as ``rediss+sentinel``.
        kind: what it refers to.
        tls: whether connections are encrypted, those to sentinels included.
        nodes: the server; or the sentinels, or some nodes of the cluster, in the order given. Empty for a socket.
        path: the file of a Unix socket, else ''.
        service: the name of the service that the sentinels monitor, else ''.
        db: the number of the database.
        credentials: the login for the servers.
        sentinel_credentials: the login for the sentinels.
        options: redis-py's connection options, as text; they may contain secrets.
        sentinel_options: options that differ for connections to sentinels, without the prefix ``sentinel_``.
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
    """Parses a URL in one of these forms; ``valkey`` may replace ``redis``, and ``rediss`` or ``valkeys`` mean TLS.

    - ``redis://user:password@host:port/db?option=value``
    - ``redis+sentinel://user:password@host:port,host:port/service/db?sentinel_username=…&sentinel_password=…``
    - ``redis+cluster://user:password@host:port,host:port``
    - ``unix://user:password@/path/of/socket?db=1``

    Leading and trailing whitespace is ignored, as a file with a URL usually ends with a newline.

    The user and password at the front are for the servers. Options are redis-py's connection options; with the prefix
    ``sentinel_`` they apply to connections to the sentinels.

    Raises:
        SettingsError: the URL is invalid; the message says what is wrong.
    """
    scheme, separator, rest = url.strip().partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in SCHEMES:
        wrong = _wrong_scheme(scheme) if separator else _without_scheme(url.strip())
        raise SettingsError(f"not a Redis URL: {wrong}")
    kind, tls = SCHEMES[scheme]
    whole = rest
    rest, _, query = rest.partition("#")[0].partition("?")
    authority, _, path = rest.partition("/")
    front, at, hosts = authority.rpartition("@")
    if kind is not AddressKind.UNIX and not at and "@" in whole:
        # Most likely a password contains an unescaped character, so the rest must not be shown.
        raise SettingsError(f"the Redis URL has an @ after its hosts; {_ENCODE}")
    username, _, password = front.partition(":")
    options, sentinel_options = _read_options(query, kind)
    nodes = () if kind is AddressKind.UNIX else _read_nodes(kind, hosts)
    path, socket, service = _read_path(kind, hosts, path)
    db = _read_db(options.pop("db", path))
    if db and kind is AddressKind.CLUSTER:
        raise SettingsError("a Redis Cluster has only database 0: leave the database out of the URL")
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
    # Only text that looks like a host is shown.
    if not _BARE_HOST.fullmatch(text):
        return f"it {_SCHEME_MISSING}"
    if text == "embedded":
        return "'embedded' is a private Redis that only monarq's commands start; `monarq redis` runs one with a URL"
    return f"{text!r} {_SCHEME_MISSING}; did you mean redis://{text}?"


def _wrong_scheme(scheme: str) -> str:
    known = f"it {_SCHEME_MISSING}"
    # Only text that looks like a scheme is shown.
    if not scheme.replace("+", "").replace("-", "").isalnum():
        return known
    near = suggestion(scheme, SCHEMES, form="{}://".format)
    return f"{scheme}:// is not a supported scheme{near}" if near else f"{known}, not {scheme}://"


def _read_options(query: str, kind: AddressKind) -> tuple[dict[str, str], dict[str, str]]:
    """The options of a query, and those for sentinels. If a name occurs twice, the first one wins, as in redis-py."""
    options: dict[str, str] = {}
    sentinel_options: dict[str, str] = {}
    for name, value in parse_qsl(query):
        if kind is AddressKind.SENTINEL and name.startswith(SENTINEL_PREFIX):
            sentinel_options.setdefault(name.removeprefix(SENTINEL_PREFIX), value)
        else:
            options.setdefault(name, value)
    return options, sentinel_options


def _read_path(kind: AddressKind, hosts: str, path: str) -> tuple[str, str, str]:
    """The database, the socket and the service in a path."""
    if kind is AddressKind.UNIX:
        if hosts or not path:
            raise SettingsError(f"the URL of a Redis socket needs its full path: unix:///run/redis.sock; {_ENCODE}")
        return "", "/" + unquote(path), ""
    if kind is not AddressKind.SENTINEL:
        return path, "", ""
    service, _, db = path.partition("/")
    if not service:
        raise SettingsError(
            "the Redis URL of sentinels needs the service that they monitor, as in redis+sentinel://host:26379/SERVICE"
        )
    return db, "", unquote(service)


def _read_nodes(kind: AddressKind, hosts: str) -> tuple[Node, ...]:
    port = SENTINEL_PORT if kind is AddressKind.SENTINEL else REDIS_PORT
    if kind is AddressKind.SERVER:
        if "," in hosts:
            raise SettingsError(
                f"a Redis URL with several hosts must begin with redis+sentinel:// or redis+cluster://; {_ENCODE}"
            )
        host = "localhost" + hosts if not hosts or hosts.startswith(":") else hosts
        return (_read_node(host, port, "the Redis URL"),)
    parts = hosts.split(",")
    return tuple(_read_node(part, port, f"host {place} of the Redis URL") for place, part in enumerate(parts, 1))


def _read_node(text: str, default_port: int, where: str) -> Node:
    if _has_whitespace(unquote(text)):
        raise SettingsError(f"{where} contains whitespace, such as a space or a newline: remove it")
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        try:
            IPv6Address(unquote(host))
        except ValueError:
            bracket = ""
        if not bracket or (port and not port.startswith(":")):
            raise SettingsError(f"{where} has brackets without an IPv6 address in them, as in [::1]:{default_port}")
    else:
        host, colon, port = text.partition(":")
        if ":" in port:
            raise SettingsError(
                f"{where} has more than one colon: put an IPv6 address in brackets, as in [::1]:{default_port};"
                f" {_ENCODE}"
            )
        port = colon + port
    host = unquote(host).lower()
    if not host:
        raise SettingsError(f"{where} has no host name: write name:port, and separate hosts with one comma")
    digits = port.removeprefix(":") or str(default_port)
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:6]) <= 65535 and len(digits) <= 5):
        raise SettingsError(f"{where} has a port that is not a number from 1 to 65535; {_ENCODE}")
    return host, int(digits)


def _read_db(text: str) -> int:
    if _has_whitespace(text):
        raise SettingsError(
            "the database of the Redis URL contains whitespace, such as a space or a newline: remove it"
        )
    digits = text.rstrip("/") or "0"
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise SettingsError(f"the database of the Redis URL must be a number, as in redis://host:6379/0; {_ENCODE}")
    return int(digits)


def _has_whitespace(text: str) -> bool:
    return any(map(str.isspace, text))
