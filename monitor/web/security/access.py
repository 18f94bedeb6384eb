"""Access control: the secrets and sessions that let a caller in, read-only mode, and the allowed host names.

`create_app` creates it; the security middleware and the login form use it. Secrets are compared in constant time and
never shown.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from typing import Final

from monarq.shared.errors import SettingsError

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
SESSION_S: Final = 12 * 3600
"""How long a login lasts."""

SHORTEST_SECRET: Final = 8
COOKIE: Final = "monarq_session"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may see and change what.

    Attributes:
        token: the secret of the login form and of ``Authorization: Bearer``; None for none.
        user: name and password, ``name:password``, of the form and of ``Authorization: Basic``; None for none.
        read_only: whether nothing may be changed.
        hosts: host names that the page answers to besides loopback; ``*`` for any.
        guarded: whether the application that the page is mounted in controls the access.
    """

    token: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    read_only: bool = False
    hosts: tuple[str, ...] = ()
    guarded: bool = False

    def __post_init__(self) -> None:
        """Refuses settings that would let anyone in.

        Raises:
            SettingsError: a secret is too short or malformed, or it is missing and the page is reachable from outside.
        """
        if self.token is not None and len(self.token) < SHORTEST_SECRET:
            raise SettingsError(f"the token has {len(self.token)} characters: it must have {SHORTEST_SECRET} or more")
        if self.user is not None:
            name, _, password = self.user.partition(":")
            if not name or len(password) < SHORTEST_SECRET:
                raise SettingsError(
                    f"user must be NAME:PASSWORD, with a password of at least {SHORTEST_SECRET} characters"
                )
        reached = [host for host in self.hosts if bare_host(host) not in LOOPBACK_HOSTS]
        if reached and not (self.asks or self.guarded):
            raise SettingsError(
                f"anyone who can reach {', '.join(reached)} could see and change every job: set a token or a user,"
                " or serve the page only on loopback"
            )

    @property
    def asks(self) -> bool:
        """Whether a login is needed."""
        return self.token is not None or self.user is not None

    def knows_host(self, header: str) -> bool:
        """Whether the page answers to this Host header: DNS rebinding uses a foreign name."""
        host = bare_host(header)
        return bool(host) and (
            "*" in self.hosts or host in LOOPBACK_HOSTS or any(bare_host(known) == host for known in self.hosts)
        )

    def is_token(self, given: str) -> bool:
        """Whether this is the token."""
        return self.token is not None and _same(given, self.token)

    def is_user(self, given: str) -> bool:
        """Whether this ``name:password`` is the user's."""
        return self.user is not None and _same(given, self.user)

    def concerns(self, authorization: str) -> bool:
        """Whether an Authorization header is meant for us: then it is right or wrong, whatever else is sent.

        If a login is needed, a bearer token always is. Basic is only if there is a user: browsers also send it for a
        proxy in front of the page.
        """
        scheme = authorization.partition(" ")[0].lower()
        return (scheme == "bearer" and self.asks) or (scheme == "basic" and self.user is not None)

    def knows_header(self, authorization: str) -> bool:
        """Whether an Authorization header has the right token or user."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(given.strip())
        if scheme.lower() == "basic":
            try:
                return self.is_user(b64decode(given.strip(), validate=True).decode())
            except (Base64Error, UnicodeDecodeError):
                return False
        return False

    def new_session(self) -> str:
        """The session cookie of a browser that has logged in: the end of its session, signed."""
        end_s = str(int(time.time()) + SESSION_S)
        return f"{end_s}.{self._sign(end_s)}"

    def knows_session(self, session: str) -> bool:
        """Whether this is a valid session that has not expired."""
        end_s, _, signature = session.partition(".")
        return _same(signature, self._sign(end_s)) and end_s.isdecimal() and int(end_s) > time.time()

    def _sign(self, end_s: str) -> str:
        # A new token or user ends all sessions.
        secret = f"monarq session\0{self.token or ''}\0{self.user or ''}"
        return hmac.new(secret.encode(), end_s.encode(), hashlib.sha256).hexdigest()


def bare_host(host: str) -> str:
    """A host without port, brackets and final dot, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    # More than one colon: an IPv6 address without brackets, as in an option.
    return (host.partition(":")[0] if host.count(":") == 1 else host).rstrip(".")


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass"))
