"""The cluster client, on a cluster and beside nodes that misbehave."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest
from redis.exceptions import RedisError, ResponseError, TryAgainError

from chaos.processes.cluster import Cluster
from monarq.shared.errors import ProducerClosedError
from monarq.shared.redis.cluster import node as node_module
from monarq.shared.redis.cluster.client import ClusterClient
from monarq.shared.redis.cluster.slots import key_slot_of
from monarq.shared.redis.cluster.topology import Address
from monarq.shared.redis.connection import UrlSource, open_redis
from monarq.shared.redis.private_client import private_client
from monarq.shared.redis.redis_errors import CommandFailure, NotSentError, classify_failure, explain
from monarq.shared.redis.scripts import Script
from monarq.shared.redis.servers import read_time, servers_of
from tests.support.slowness import in_time

KEY = "{here}key"
SLOT = key_slot_of(KEY)


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[ClusterClient]:
    """A client of the cluster."""
    async with open_redis(cluster.url) as made:
        assert isinstance(made, ClusterClient)
        yield made


class TestRouting:
    async def test_each_command_goes_to_the_node_of_its_key(self, client: ClusterClient) -> None:
        keys = [f"key-{number}" for number in range(50)]
        for key in keys:
            assert await client.set(key, key)
        assert [await client.get(key) for key in keys] == [key.encode() for key in keys]
        assert len({client.holder_of(key) for key in keys}) == 3

    async def test_a_pipeline_asks_all_nodes_and_keeps_the_order(self, client: ClusterClient) -> None:
        keys = [f"key-{number}" for number in range(50)]
        calls: Any = client.pipeline(transaction=False)
        for key in keys:
            calls.set(key, key)
            calls.hexists(f"{{{key}}}hash", "field")
        assert await calls.execute() == [True, False] * 50

    async def test_an_error_reply_of_a_pipeline_is_in_its_place(self, client: ClusterClient) -> None:
        calls: Any = client.pipeline(transaction=False)
        calls.set("a", 1)
        calls.hget("a", "field")
        calls.get("a")
        replies = await calls.execute(raise_on_error=False)
        assert [type(reply) for reply in replies] == [bool, ResponseError, bytes]

    async def test_a_transaction(self, client: ClusterClient) -> None:
        calls: Any = client.pipeline(transaction=True)
        calls.hset(KEY, mapping={"a": 1})
        calls.hgetall(KEY)
        assert await calls.execute() == [1, {b"a": b"1"}]

    async def test_a_script_is_loaded_on_each_node(self, client: ClusterClient) -> None:
        script = Script("test", "return redis.call('INCR', KEYS[1])")
        for number in range(12):
            assert await script.run(client, [f"counter-{number}"], []) == 1

    async def test_what_is_about_no_key(self, client: ClusterClient, cluster: Cluster) -> None:
        assert await client.ping()
        assert (await read_time(client, KEY))[0] > 0
        await client.load()
        assert {name for name, _ in servers_of(client)} == {f"127.0.0.1:{node.port}" for node in cluster.nodes}

    async def test_another_one_like_it(self, client: ClusterClient) -> None:
        other = client.like(timeout_s=1.0)
        await client.set(KEY, 1)
        await client.aclose()
        assert await other.get(KEY) == b"1"
        await other.aclose()
        with pytest.raises(ProducerClosedError):
            await other.get(KEY)


class TestMovingSlots:
    async def test_a_slot_that_has_moved(self, client: ClusterClient, cluster: Cluster) -> None:
        source = await cluster.holder(KEY)
        await client.set(KEY, "before")
        change = client.next_change
        await cluster.move_slot(KEY, target := await cluster.other_primary(source))
        assert await client.get(KEY) == b"before"
        assert change.is_set()
        holder = client.holder_of(KEY)
        assert holder is not None
        assert holder.port == target.port

    async def test_a_key_that_has_gone_ahead_is_asked_for_once(self, client: ClusterClient, cluster: Cluster) -> None:
        source = await cluster.holder(KEY)
        target = await cluster.other_primary(source)
        await client.set(KEY, "before")
        await cluster.begin_move(SLOT, source, target)
        await cluster.send_keys(SLOT, source, target)
        assert await client.get(KEY) == b"before"
        calls: Any = client.pipeline(transaction=False)
        calls.append(KEY, "!")
        calls.get("key-1")
        calls.get(KEY)
        assert (await calls.execute())[::2] == [7, b"before!"]
        holder = client.holder_of(KEY)
        assert holder is not None
        assert holder.port == source.port
        await cluster.end_move(SLOT, source, target)

    async def test_keys_that_are_on_their_way_are_waited_for(self, client: ClusterClient, cluster: Cluster) -> None:
        source = await cluster.holder(KEY)
        target = await cluster.other_primary(source)
        script = Script("test", "return redis.call('INCR', KEYS[1])")
        await client.set(KEY, 0)
        await cluster.begin_move(SLOT, source, target)
        call = asyncio.create_task(script.run(client, [KEY, "{here}absent"], []))
        await asyncio.sleep(0.1)
        await cluster.send_keys(SLOT, source, target)
        await cluster.end_move(SLOT, source, target)
        assert await call == 1

    async def test_where_they_stay_on_their_way_the_caller_is_told_to_try_later(
        self, client: ClusterClient, cluster: Cluster
    ) -> None:
        source = await cluster.holder(KEY)
        target = await cluster.other_primary(source)
        await client.set(KEY, 0)
        await cluster.begin_move(SLOT, source, target)
        with pytest.raises(TryAgainError, match=f"slot {SLOT} of the cluster is migrating to another node") as raised:
            await Script("test", "return redis.call('INCR', KEYS[1])").run(client, [KEY, "{here}absent"], [])
        assert classify_failure(raised.value) is CommandFailure.TRANSIENT
        await cluster.send_keys(SLOT, source, target)
        await cluster.end_move(SLOT, source, target)
        assert await client.get(KEY) == b"0"

    async def test_the_blocking_client_follows_as_well(self, cluster: Cluster) -> None:
        blocking = UrlSource(cluster.url).blocking_client()
        script = Script("test", "return redis.call('INCR', KEYS[1])")

        def run() -> int:
            return int(script.run_sync(blocking, [KEY], []))

        source = await cluster.holder(KEY)
        target = await cluster.other_primary(source)
        assert await asyncio.to_thread(run) == 1
        await cluster.begin_move(SLOT, source, target)
        await cluster.send_keys(SLOT, source, target)
        assert await asyncio.to_thread(run) == 2
        await cluster.end_move(SLOT, source, target)
        assert await asyncio.to_thread(run) == 3
        blocking.close()


class FakeNode:
    """Holds all slots, and answers other commands as the test says."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []
        self.port = 0

    @asynccontextmanager
    async def running(self, answer: Callable[[bytes], bytes | None]) -> AsyncIterator[str]:
        """Its URL; where there is no answer, it closes the connection."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                reply: bytes | None = b""
                for command in data.split(b"*")[1:]:
                    reply = None if reply is None else self._answer(command, reply, answer)
                if reply is None:
                    break
                writer.write(reply)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield f"redis+cluster://127.0.0.1:{self.port}?protocol=2"

    def _answer(self, command: bytes, before: bytes, answer: Callable[[bytes], bytes | None]) -> bytes | None:
        if b"SLOTS" in command:
            host = b"127.0.0.1"
            return before + b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n%s\r\n:%d\r\n" % (host, self.port)
        if b"CLIENT" in command or b"SELECT" in command:
            return before + b"+OK\r\n"
        self.commands.append(command)
        found = answer(command)
        return None if found is None else before + found


class TestFailures:
    async def test_what_may_have_been_carried_out_is_not_repeated(self) -> None:
        node = FakeNode()
        async with node.running(lambda _: None) as url, open_redis(url) as client:
            with pytest.raises((RedisError, OSError)) as raised:
                await client.incr("counter")
            assert classify_failure(raised.value) is CommandFailure.UNKNOWN
            calls: Any = client.pipeline(transaction=False)
            calls.incr("counter")
            calls.incr("other")
            with pytest.raises((RedisError, OSError)):
                await calls.execute()
        assert sum(b"INCR" in command for command in node.commands) in {2, 3}

    async def test_the_blocking_client_does_not_repeat_it_either(self) -> None:
        node = FakeNode()
        async with node.running(lambda _: None) as url:
            blocking = UrlSource(url).blocking_client()
            with pytest.raises((RedisError, OSError)):
                await asyncio.to_thread(blocking.execute_command, "INCR", "counter")
        assert len(node.commands) == 1

    async def test_redirections_in_a_circle_end(self) -> None:
        node = FakeNode()

        def elsewhere(_: bytes) -> bytes:
            return b"-MOVED 1 127.0.0.1:%d\r\n" % node.port

        async with node.running(elsewhere) as url, open_redis(url) as client:
            with pytest.raises(
                TryAgainError, match=r"is not held by any node: the nodes redirect to each other .*MOVED"
            ):
                await client.get("a")

    async def test_a_slot_that_no_node_serves_is_not_said_to_move(self) -> None:
        node = FakeNode()

        def down(command: bytes) -> bytes:
            if b"MULTI" in command:
                return b"+OK\r\n"
            return b"-CLUSTERDOWN Hash slot not served\r\n"

        async with node.running(down) as url, open_redis(url) as client:
            words = r"is not served by any node now: its node, or the whole cluster, is down \(CLUSTERDOWN Hash slot"
            with pytest.raises(TryAgainError, match=words):
                await client.get("a")
            blocking = UrlSource(url).blocking_client()
            with pytest.raises(TryAgainError, match=words):
                await asyncio.to_thread(blocking.execute_command, "GET", "a")
            blocking.close()
            calls: Any = client.pipeline(transaction=True)
            calls.get("a")
            replies = await calls.execute(raise_on_error=False)
        assert [type(reply) for reply in replies] == [TryAgainError]
        assert "is not served by any node now" in str(replies[0])

    @pytest.mark.parametrize(
        "words",
        [
            b"-ERR Attempted to access a non local key in a cluster node script: on @user_script:1.",  # Valkey 9.1
            b"-ERR Script attempted to access a non local key in a cluster node script: a, on @user_script:1.",
        ],
    )
    async def test_a_node_that_refuses_every_script_is_asked_later(self, words: bytes) -> None:
        node = FakeNode()
        said = r"the node 127\.0\.0\.1:\d+ refuses every script.*restart that node .*non local key"
        async with node.running(lambda _: words + b"\r\n") as url, open_redis(url) as client:
            with pytest.raises(TryAgainError, match=said) as raised:
                await Script("x", "return 1").run(client, [KEY], [])
            blocking = UrlSource(url).blocking_client()
            with pytest.raises(TryAgainError, match=said):
                await asyncio.to_thread(Script("x", "return 1").run_sync, blocking, [KEY], [])
            blocking.close()
        assert classify_failure(raised.value) is CommandFailure.TRANSIENT
        assert re.search(said, str(explain(raised.value, "here")))

    async def test_no_node_is_there(self) -> None:
        async with open_redis("redis+cluster://127.0.0.1:1,127.0.0.1:2") as client:
            with pytest.raises(NotSentError, match="no node of the cluster answers") as raised:
                await client.get("a")
        assert classify_failure(raised.value) is CommandFailure.UNREACHABLE

    async def test_a_server_that_is_no_cluster(self, redis_server: Any) -> None:
        from monarq.embedded import EmbeddedRedis

        with EmbeddedRedis(port=0) as server:
            async with open_redis(server.url.replace("redis://", "redis+cluster://")) as client:
                with pytest.raises(ResponseError, match="not a node of a Redis Cluster: use redis://") as raised:
                    await client.ping()
        assert classify_failure(raised.value) is CommandFailure.REFUSED

    async def test_a_silent_node_keeps_no_caller_for_long_once_it_is_known(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(node_module, "REST_S", 60.0)
        silent = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await silent.wait()
            writer.close()

        node = FakeNode()
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with (
                node.running(lambda _: b"-MOVED 1 127.0.0.1:%d\r\n" % port) as url,
                open_redis(url, socket_timeout=0.6) as client,
            ):
                async with in_time(20):
                    with pytest.raises((RedisError, OSError)):
                        await client.get("a")
                with pytest.raises(NotSentError, match="did not answer a moment ago"):
                    await client.node(Address("127.0.0.1", port)).send([("PING",)])
            silent.set()

    async def test_a_node_that_was_silent_is_asked_until_it_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(node_module, "REST_S", 0.0)
        monkeypatch.setattr(node_module, "PROBE_S", 0.05)
        monkeypatch.setattr(node_module, "DOUBT_S", 60.0)
        answers = asyncio.Event()
        asked: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                if line == b"SETINFO\r\n":
                    writer.write(b"+OK\r\n")
                if line in {b"PING\r\n", b"GET\r\n"}:
                    asked.append(line.strip())
                    if answers.is_set():
                        writer.write(b"+PONG\r\n")
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            source = UrlSource(f"redis://127.0.0.1:{port}")
            client = private_client(source.client(), shown="a node", timeout_s=0.6)
            node = node_module.Node(Address("127.0.0.1", port), client)
            async with aclosing(node), in_time(20):
                with pytest.raises((RedisError, OSError)):
                    await node.send([("GET", "a")])
                while asked.count(b"PING") < 2:
                    with pytest.raises(NotSentError):
                        await node.send([("GET", "a")])
                    await asyncio.sleep(0.01)
                assert asked.count(b"GET") == 1, "callers do not wait for it"
                answers.set()
                while True:
                    with suppress(NotSentError):
                        assert await node.send([("GET", "a")]) == [b"PONG"]
                        break
                    await asyncio.sleep(0.01)
