"""Embedded Redis: a private server for the life of a block or of the command `monarq redis`.

It is for development and tests; production needs a real Redis. The server ends with the process that started it, even
if that is killed with SIGKILL.
"""

from monarq.embedded.address import PortInUseError
from monarq.embedded.discovery import EmbeddedRedisError, ServerCandidate, find_server, list_servers
from monarq.embedded.foreground import run_foreground
from monarq.embedded.server import EmbeddedRedis

__all__ = [
    "EmbeddedRedis",
    "EmbeddedRedisError",
    "PortInUseError",
    "ServerCandidate",
    "find_server",
    "list_servers",
    "run_foreground",
]
