"""A Redis for the first minute: a private server for the life of a block or of the command `monarq redis`.

It is for trying out, for development and for tests: a user's queue of record is a Redis that they run themselves.
Whatever happens to the process that started it, SIGKILL included, the server ends with it.
"""

from monarq.embedded.address import PortInUseError
from monarq.embedded.discovery import EmbeddedRedisError, ServerChoice, find_server, list_servers
from monarq.embedded.foreground import run_foreground
from monarq.embedded.server import EmbeddedRedis

__all__ = [
    "EmbeddedRedis",
    "EmbeddedRedisError",
    "PortInUseError",
    "ServerChoice",
    "find_server",
    "list_servers",
    "run_foreground",
]
