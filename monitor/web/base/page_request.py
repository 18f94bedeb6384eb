"""A page request: its path and query, with ids as the bytes that Redis holds, and links to similar requests.

Ids and names of jobs may contain anything: slashes, line breaks, bytes that are not text. So they are percent-encoded
in the query, never in a path or a form field, which browsers and proxies change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote, quote_from_bytes

from monarq.shared.protocol.queue_ref import QueueRef

MOST_FIELDS: Final = 40
Value = str | bytes | int | QueueRef | None
"""The value of a field; a queue in arq's format adds the field `format`."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page's path below the prefix, and its query.

    Attributes:
        path: the path, with a leading slash.
        fields: the query; bytes that are not UTF-8 are surrogates. If a field occurs twice, the last one wins.
        root: the prefix that the app is mounted under; '' for none.
    """

    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    root: str = ""

    @classmethod
    def parse(cls, path: str, query: str, root: str = "") -> PageRequest:
        """The request for a path and a query string; a query of too many fields counts as empty."""
        return cls(path, read_fields(query), root)

    def raw(self, name: str) -> bytes:
        """A field as Redis holds it; b'' if it is missing."""
        return self.fields.get(name, "").encode("utf-8", "surrogateescape")

    def text(self, name: str) -> str:
        """A field as text, stripped; '' if it is missing."""
        return self.raw(name).decode("utf-8", "replace").strip()

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A field as a whole number within these bounds."""
        value = self.text(name)
        return min(most, max(least, int(value))) if value.isdecimal() and len(value) < 19 else default

    def one_of(self, name: str, *choices: str) -> str:
        """A field if it is one of these; else the first of them."""
        value = self.text(name)
        return value if value in choices else choices[0]

    @property
    def url(self) -> str:
        """The path and the query in sorted order: equal for equal requests."""
        return self.root + link(self.path, {name: self.raw(name) for name in sorted(self.fields)})

    def with_fields(self, **changes: Value) -> str:
        """A link to the same page with changed fields; None removes a field."""
        kept = {name: self.raw(name) for name in self.fields if name != "format" or "queue" not in changes}
        return self.root + link(self.path, kept | changes)


def read_fields(query: str) -> dict[str, str]:
    """The fields of a query or of a form."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return dict(pairs)


def link(path: str, fields: Mapping[str, Value]) -> str:
    """A path with a query; None fields are left out."""
    query = "&".join(f"{quote(name, safe='')}={_quoted(value)}" for name, value in _plain(fields))
    return f"{path}?{query}" if query else path


def _plain(fields: Mapping[str, Value]) -> Iterator[tuple[str, str | bytes | int]]:
    for name, value in fields.items():
        if isinstance(value, QueueRef):
            yield name, value.name
            if value.format == "arq":
                yield "format", value.format
        elif value is not None:
            yield name, value


def _quoted(value: str | bytes | int) -> str:
    if isinstance(value, bytes):
        return quote_from_bytes(value, safe="")
    return quote(str(value), safe=":", errors="surrogateescape")
