"""The blocking cluster client, for the thread that renews a worker's leases, which must not block on a single node."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import redis
from redis.exceptions import RedisError, ResponseError

from monarq.shared.redis.cluster.node_pools import NodePools
from monarq.shared.redis.cluster.redirections import MOST_STEPS, PAUSES_S, Redirect, read_redirection, unsettled_error
from monarq.shared.redis.cluster.slots import command_slot, key_slot_of
from monarq.shared.redis.cluster.topology import Address, Topology
from monarq.shared.redis.redis_errors import REDIS_ERRORS, NotSentError

REFRESH_EVERY_S: Final = 0.5
"""See `monarq.shared.redis.cluster.client`."""

_CLUSTER_SLOTS: Final = ("CLUSTER", "SLOTS")


class BlockingClusterClient:
    """A replacement for `redis.Redis` on a cluster, as far as scripts need it. Any thread may use it.

    Args:
        seeds: the nodes that are asked first.
        make_node: makes the client of a node, which must not retry by itself.
    """

    def __init__(self, seeds: Sequence[Address], make_node: Callable[[Address], redis.Redis]) -> None:
        self._seeds = tuple(seeds)
        self._make_node = make_node
        self._nodes: dict[Address, redis.Redis] = {}
        self._topology = Topology()
        self._suspects: set[Address] = set()
        self._refreshing = threading.Lock()
        self._refreshed_s = float("-inf")
        self._busy: dict[Address | None, threading.Thread] = {}
        self.connection_pool = NodePools(self._nodes)

    def execute_command(self, *command: Any) -> Any:
        """Sends a command to the node of its key; repeats it only if no node has executed it.

        Raises:
            RedisError: from the node or the connection; TRYAGAIN if its slot does not settle in time.
        """
        slot = command_slot(command)
        to: Address | None = None
        is_asking = False
        pauses = iter(PAUSES_S)
        for _ in range(MOST_STEPS):
            address = to or self._find_holder(slot)
            try:
                return self._send(address, command, is_asking=is_asking)
            except ResponseError as error:
                redirection = read_redirection(error, address)
                if redirection is None:
                    raise
                last = error
            except REDIS_ERRORS:
                self._suspects.add(address)
                raise
            to, is_asking = None, False
            if redirection.what is Redirect.LATER:
                if (pause_s := next(pauses, None)) is None:
                    break
                time.sleep(pause_s)
                self._suspects.add(address)
                continue
            to, is_asking = redirection.address, redirection.what is Redirect.ASK
            if not is_asking:
                with suppress(*REDIS_ERRORS):
                    self._refresh(to)
                self._topology.move(redirection.slot, to)
        raise unsettled_error(slot, last, address)

    def in_parallel(self, calls: Iterable[tuple[str, Callable[[], None]]], wait_s: float) -> list[Exception]:
        """Makes calls: sequentially for the keys of one node, in parallel for different nodes.

        A node whose earlier calls have not ended yet is skipped, so callers must be able to call again later.

        Args:
            calls: pairs of a key and a function to call.
            wait_s: how long to wait for all; calls to a node that is still silent then continue in the background.

        Returns:
            The failures.
        """
        failures: list[Exception] = []
        with suppress(*REDIS_ERRORS):
            self._load()
        threads = []
        for address, of_node in self._by_node(calls).items():
            if address in self._busy and self._busy[address].is_alive():
                failures.append(NotSentError(f"{address} has not answered yet"))
                continue
            thread = self._busy[address] = threading.Thread(
                target=_call_all, args=(of_node, failures), name="monarq-leases-of-node", daemon=True
            )
            thread.start()
            threads.append((address, thread))
        until_s = time.monotonic() + wait_s
        for address, thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
            if thread.is_alive():
                failures.append(NotSentError(f"{address} has not answered yet"))
        return list(failures)

    def close(self) -> None:
        """Closes all connections."""
        for node in list(self._nodes.values()):
            node.close()

    def _by_node(
        self, calls: Iterable[tuple[str, Callable[[], None]]]
    ) -> Mapping[Address | None, list[Callable[[], None]]]:
        groups: dict[Address | None, list[Callable[[], None]]] = {}
        for key, call in calls:
            groups.setdefault(self._topology.holder(key_slot_of(key)), []).append(call)
        return groups

    def _send(self, address: Address, command: Sequence[Any], *, is_asking: bool = False) -> Any:
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = self._make_node(address)
        if not is_asking:
            return node.execute_command(*command)  # type: ignore[no-untyped-call]
        calls = node.pipeline(transaction=False)
        calls.execute_command("ASKING")  # type: ignore[no-untyped-call]
        calls.execute_command(*command)  # type: ignore[no-untyped-call]
        reply = calls.execute(raise_on_error=False)[1]
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _load(self) -> None:
        if not self._topology.primaries:
            self._refresh()

    def _find_holder(self, slot: int | None) -> Address:
        found = self._known_holder(slot)
        if found is None or found in self._suspects:
            try:
                self._refresh()
            except REDIS_ERRORS:
                if found is None:
                    raise
            found = self._known_holder(slot)
        if found is None:
            raise NotSentError(f"no node of the cluster holds slot {slot}")
        return found

    def _known_holder(self, slot: int | None) -> Address | None:
        if slot is not None:
            return self._topology.holder(slot)
        return min(self._topology.primaries, default=None)

    def _refresh(self, first: Address | None = None) -> None:
        with self._refreshing:
            if time.monotonic() - self._refreshed_s < REFRESH_EVERY_S:
                return
            failure: BaseException | None = None
            try:
                for address in self._topology.candidates(self._seeds, self._suspects, first):
                    try:
                        reply = self._send(address, _CLUSTER_SLOTS)
                    except REDIS_ERRORS as error:
                        failure = error
                        continue
                    self._topology.replace(reply, address)
                    self._suspects.clear()
                    return
            finally:
                self._refreshed_s = time.monotonic()
            raise NotSentError("no node of the cluster answers") from failure


def _call_all(calls: Iterable[Callable[[], None]], failures: list[Exception]) -> None:
    """Makes the calls; an error reply to one does not prevent the others."""
    for call in calls:
        try:
            call()
        except ResponseError as error:
            failures.append(error)
        except (RedisError, OSError) as error:
            failures.append(error)
            return
        except Exception as error:  # noqa: BLE001 - memory may fail too: the waiting caller gets it
            failures.append(error)
            return
