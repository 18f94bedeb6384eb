"""Enqueue requests on the redis, for the proxy to lose."""

from __future__ import annotations

from tests.support.formats import current_queue

FIRST_NAMED = b"\r\nnamed\r\n"
"""The first attempt at an enqueue with an id of the caller's."""


def first() -> bytes:
    """The first attempt at one without such an id."""
    if current_queue().format == "native":
        return b"\r\n$1\r\n0\r\n$22\r\n"  # no large payload, and then a made id: whichever text of the script it names
    return b"\r\nnew\r\n"
