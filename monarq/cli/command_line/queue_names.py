"""The queues that a command line names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from monarq.cli.command_line.options import FunctionT, queue_name, queue_of, queue_option
from monarq.cli.terminal.console import FAILED, say
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, QueueRef

if TYPE_CHECKING:
    from redis.asyncio import Redis


@dataclass(frozen=True, slots=True)
class QueueNames:
    """The names that a command was given.

    Attributes:
        names: names of queues in either format.
        arq_names: names of queues in arq's format.
    """

    names: tuple[str, ...] = ()
    arq_names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether any name was given."""
        return bool(self.names or self.arq_names)

    async def find(self, redis: Redis) -> list[QueueRef]:
        """The queues with these names, each once; all known queues if no name was given.

        Raises:
            RedisError: Redis did not answer.
            SettingsError: a queue cannot live on that Redis.
        """
        from monarq.shared.formats.choice.monitors import find_queue, known_queues
        from monarq.shared.protocol.cluster_check import check_queue

        if not self:
            return await known_queues(redis)
        found = [await find_queue(redis, name) for name in self.names]
        return list(dict.fromkeys([*found, *(check_queue(redis, QueueRef(name, "arq")) for name in self.arq_names)]))

    async def find_there(self, redis: Redis) -> tuple[list[QueueRef], int]:
        """The queues with these names that exist, and the exit code; prints a message for each one that does not.

        Raises:
            RedisError: Redis did not answer.
            SettingsError: a queue cannot live on that Redis.
        """
        queues, missing = await self.find_apart(redis)
        for sentence in missing:
            say(f"monarq: {sentence}")
        return queues, FAILED if missing else 0

    async def find_apart(self, redis: Redis) -> tuple[list[QueueRef], list[str]]:
        """The queues with these names that exist, and a sentence for each one that does not.

        Raises:
            RedisError: Redis did not answer.
            SettingsError: a queue cannot live on that Redis.
        """
        from monarq.cli.command_line.missing_queues import explain_missing

        queues = await self.find(redis)
        missing = await explain_missing(redis, queues) if self else {}
        return [queue for queue in queues if queue not in missing], list(missing.values())


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
            help="A queue in arq's format; needed only if a native queue has the same name.",
        )
        @wraps(command)
        def named(*args: Any, queue: tuple[str, ...], arq_queue: tuple[str, ...], **options: Any) -> Any:
            return command(*args, queues=QueueNames(queue, arq_queue), **options)

        return named  # type: ignore[return-value]

    return decorate


def target_queue_options(text: str) -> Callable[[FunctionT], FunctionT]:
    """The options that name the queue to put jobs into, together as the parameter `queue`; None if neither is given.

    Args:
        text: the help of --queue.
    """

    def decorate(command: FunctionT) -> FunctionT:
        @click.option("-q", "--queue", type=queue_of(DEFAULT_FORMAT), metavar="NAME", help=text)
        @click.option(
            "--arq-queue", type=queue_of("arq"), metavar="NAME", help="A queue in arq's format to put the job into."
        )
        @wraps(command)
        def named(*args: Any, queue: QueueRef | None, arq_queue: QueueRef | None, **options: Any) -> Any:
            if queue is not None and arq_queue is not None:
                raise click.UsageError(
                    "a job goes into one queue: give either --queue or --arq-queue, not both",
                    click.get_current_context(),
                )
            return command(*args, queue=queue or arq_queue, **options)

        return named  # type: ignore[return-value]

    return decorate
