"""Queues as a command line names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from monarq.cli.command_line.options import FunctionT, queue_name, queue_option

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from monarq.shared.protocol.queue_ref import QueueRef


@dataclass(frozen=True, slots=True)
class QueueNames:
    """The names that a command was given.

    Attributes:
        names: of queues of any format.
        arq_names: of queues in arq's format.
    """

    names: tuple[str, ...] = ()
    arq_names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is a name."""
        return bool(self.names or self.arq_names)

    async def find(self, redis: Redis) -> list[QueueRef]:
        """The queues of these names, each once; all known queues where there is no name.

        Raises:
            RedisError: Redis did not answer.
        """
        from monarq.shared.formats.choice.monitors import find_queue, known_queues
        from monarq.shared.protocol.queue_ref import QueueRef

        if not self:
            return await known_queues(redis)
        found = [await find_queue(redis, name) for name in self.names]
        return list(dict.fromkeys([*found, *(QueueRef(name, "arq") for name in self.arq_names)]))


def queue_names_option(text: str) -> Callable[[FunctionT], FunctionT]:
    """The options -q/--queue and --arq-queue, together as the parameter `queues`.

    Args:
        text: the help of --queue.
    """

    def decorate(command: FunctionT) -> FunctionT:
        @queue_option(text)
        @click.option(
            "--arq-queue",
            multiple=True,
            type=queue_name,
            metavar="NAME",
            help="The same for a queue in arq's format, where a native queue has its name, too.",
        )
        @wraps(command)
        def named(*args: Any, queue: tuple[str, ...], arq_queue: tuple[str, ...], **options: Any) -> Any:
            return command(*args, queues=QueueNames(queue, arq_queue), **options)

        return named  # type: ignore[return-value]

    return decorate
