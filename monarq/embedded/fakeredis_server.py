"""A fakeredis server behind a socket, for development on machines without redis-server.

`monarq.embedded` runs this file by its path in a child process. No data is kept when it ends.

fakeredis has its own server, TcpFakeServer, which is not sufficient for monarq: it closes the connection after every
error reply (also NOSCRIPT), breaks on two-line errors and on replies of a few MB, delays replies by 10 to 40 ms, needs
two seconds for a payload with many lines, and lets the BLPOP of a disconnected client take an item. This one runs
fakeredis' commands behind a server with a single event loop, like Redis.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fnmatch
import os
import signal
import time
from typing import TYPE_CHECKING, Final, cast

import hiredis
import psutil
from fakeredis import FakeAsyncRedisConnection, FakeServer
from redis.connection import DefaultParser
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Sequence

REDIS_VERSION: Final = (7, 0, 0)
BACKLOG: Final = 511
READ_SIZE: Final = 1 << 16
CONFIG: Final = {
    b"appendonly": b"no",
    b"databases": b"16",
    b"maxmemory": b"0",
    b"maxmemory-policy": b"noeviction",
    b"save": b"",
}
# redis-py turns the code of an error into a class; this is the reverse.
ERROR_CODES: Final = {kind: code for code, kind in DefaultParser.EXCEPTION_CLASSES.items() if code != "ERR"}

# Redis' scripts can neither reach the operating system nor set globals. fakeredis' can do both, and a global left
# behind by one script breaks all later ones. Run once, this makes them as strict as Redis'. (lupa needs
# debug.traceback.)
STRICT_LUA: Final = b"""
for _, name in ipairs({'os', 'io', 'package', 'require', 'module', 'dofile', 'loadfile', 'python', 'print'}) do
    _G[name] = nil
end
debug = {traceback = debug.traceback}
setmetatable(_G, {__newindex = function(_, name) error('Attempt to modify a readonly table: global ' .. name, 2) end})
"""


class FakeredisServer:
    """All clients of one fakeredis, and INFO and CONFIG GET, which fakeredis does not have."""

    def __init__(self) -> None:
        self._store = FakeServer(version=REDIS_VERSION)
        self._admin = FakeAsyncRedisConnection(server=self._store, protocol=2)
        self._started_s = time.monotonic()
        self._connections_seen = 0
        self._commands_seen = 0
        self._clients: set[Client] = set()

    async def prepare(self) -> None:
        """Makes scripts strict; await it before the first client connects."""
        await self._command(b"EVAL", STRICT_LUA, b"0")

    async def serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one client until it disconnects; then nothing of it is left in fakeredis."""
        self._connections_seen += 1
        backend = FakeAsyncRedisConnection(server=self._store, protocol=2)
        await backend.send_command("CLIENT", "ID")
        client_id = await backend.read_response()
        client = Client(self, backend, reader, writer)
        self._clients.add(client)
        try:
            await client.serve()
        finally:
            self._clients.discard(client)
            # In this order: a blocked client must be unblocked before it is removed, or it would still take an item.
            await self._command(b"CLIENT", b"UNBLOCK", b"%d" % client_id)
            await self._command(b"CLIENT", b"KILL", b"ID", b"%d" % client_id)

    def translate(self, command: list[bytes]) -> list[bytes]:
        """The command that fakeredis runs for `command`: the same, except for INFO and CONFIG GET."""
        self._commands_seen += 1
        names = [part.upper() for part in command[:2]]
        if names[:1] == [b"INFO"]:
            return [b"ECHO", self._info({part.lower() for part in command[1:]})]
        if names == [b"CONFIG", b"GET"]:
            return [b"EVAL", b"return ARGV", b"0", *_config(command[2:])]
        return command

    async def _command(self, *command: bytes) -> object:
        await self._admin.send_command(*command)
        return await self._admin.read_response()

    def _info(self, wanted: set[bytes]) -> bytes:
        memory = psutil.Process().memory_info().rss
        sections: dict[str, dict[str, object]] = {
            "Server": {
                "redis_version": ".".join(map(str, REDIS_VERSION)),
                "redis_mode": "standalone",
                "executable": "fakeredis",
                "process_id": os.getpid(),
                "uptime_in_seconds": int(time.monotonic() - self._started_s),
            },
            "Clients": {"connected_clients": len(self._clients), "blocked_clients": 0, "maxclients": 10_000},
            "Memory": {
                "used_memory": memory,
                "used_memory_human": f"{memory / 2**20:.2f}M",
                "used_memory_rss": memory,
                "maxmemory": 0,
                "maxmemory_policy": "noeviction",
            },
            "Persistence": {"loading": 0, "aof_enabled": 0},
            "Stats": {
                "total_connections_received": self._connections_seen,
                "total_commands_processed": self._commands_seen,
                "rejected_connections": 0,
                "evicted_keys": 0,
            },
            "Replication": {"role": "master", "connected_slaves": 0},
        }
        everything = not wanted or wanted & {b"all", b"default", b"everything"}
        lines: list[str] = []
        for name, fields in sections.items():
            if everything or name.lower().encode() in wanted:
                lines += [f"# {name}", *(f"{field}:{value}" for field, value in fields.items()), ""]
        return "\r\n".join(lines).encode()


class Client:
    """One connection: reads commands, and writes replies and pushed messages in fakeredis' order."""

    def __init__(
        self,
        server: FakeredisServer,
        backend: FakeAsyncRedisConnection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._server = server
        self._backend = backend
        self._reader = reader
        self._writer = writer

    async def serve(self) -> None:
        """Serves until the client disconnects, or has to be disconnected."""
        pushes = asyncio.create_task(self._forward_pushes())
        try:
            await self._run_commands()
        except OSError:
            pass  # the client disconnected while we wrote to it, as clients may
        finally:
            pushes.cancel()
            await asyncio.gather(pushes, return_exceptions=True)
            self._writer.close()

    async def _run_commands(self) -> None:
        requests = hiredis.Reader()
        while data := await self._reader.read(READ_SIZE):
            requests.feed(data)
            try:
                while (command := requests.gets()) is not False:
                    if not await self._run(cast("list[bytes]", command)):
                        return
            except hiredis.ProtocolError as error:
                self._writer.write(encode_error(f"ERR Protocol error: {error}"))
                return
            await self._writer.drain()

    async def _run(self, command: list[bytes]) -> bool:
        if command[:1] == [b"HELLO"] and command[1:2] not in ([], [b"2"]):
            self._writer.write(encode_error("NOPROTO this server speaks RESP2 only: connect with protocol=2"))
            return True
        try:
            await self._backend.send_command(*self._server.translate(command))
        except Exception as error:  # noqa: BLE001  # any fault inside fakeredis: its connection is dead, and the client must learn why
            self._writer.write(encode_error(f"ERR fakeredis failed: {type(error).__name__}: {error}"))
            return False
        while await self._backend.can_read(0):
            await self._forward_one()
        return True

    async def _forward_pushes(self) -> None:
        """Forwards messages and the replies of blocked commands, which come while no command is run."""
        while await self._backend.can_read(None):
            await self._forward_one()
            await self._writer.drain()

    async def _forward_one(self) -> None:
        # Nothing in here may wait: the two loops that call it share one queue of replies, whose order would be lost.
        try:
            reply = await self._backend.read_response()
        except RedisError as error:
            reply = error
        self._writer.write(encode(reply))


def encode(reply: object) -> bytes:
    """`reply`, as fakeredis returns it, in RESP2."""
    match reply:
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % reply
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case list() | tuple():
            return b"*%d\r\n%b" % (len(reply), b"".join(map(encode, reply)))
        case RedisError():
            return encode_error(_error_text(reply))
        case dict():
            return encode([part for pair in reply.items() for part in pair])
        case float():
            return encode(f"{reply:.17g}")
    return encode(str(reply).encode())


def encode_error(text: str) -> bytes:
    """An error reply of one line: fakeredis' Lua errors have several."""
    return b"-%b\r\n" % " ".join(text.split()).encode()


def _error_text(error: RedisError) -> str:
    text = str(error)
    if code := ERROR_CODES.get(type(error)):
        return f"{code} {text}"
    return text if text.split(" ", maxsplit=1)[0].isupper() else f"ERR {text}"


def _config(patterns: Sequence[bytes]) -> list[bytes]:
    found: list[bytes] = []
    for name, value in CONFIG.items():
        if any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in patterns):
            found += [name, value]
    return found


async def serve(socket_path: str | None, port: int | None) -> None:
    """Serve on a Unix socket or on a loopback port until SIGTERM."""
    server = FakeredisServer()
    await server.prepare()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if socket_path is not None:
        listener = await asyncio.start_unix_server(server.serve_client, socket_path, backlog=BACKLOG)
    else:
        listener = await asyncio.start_server(server.serve_client, "127.0.0.1", port, backlog=BACKLOG)
    await stop.wait()
    listener.close()


def main() -> None:
    """Serve as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--unixsocket")
    where.add_argument("--port", type=int)
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.unixsocket, options.port))


if __name__ == "__main__":
    main()
