"""Queues as a command line names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from monarq.cli.command_line.options import FunctionT, queue_name, queue_of, queue_option
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, QueueRef

if TYPE_CHECKING:
    from redis.asyncio import Redis


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


def served_queues_options(text: str) -> Callable[[FunctionT], FunctionT]:
    """The options that name queues for a worker to serve, together as the parameter `queues`: each queue once.

    Args:
        text: the help of --queue.
    """

    def decorate(command: FunctionT) -> FunctionT:
        of_default = queue_of(DEFAULT_FORMAT, any_arq_name=True)
        of_arq = queue_of("arq", any_arq_name=True)

        @click.option("-q", "--queue", multiple=True, type=of_default, metavar="NAME", help=text)
        @click.option(
            "--arq-queue",
            multiple=True,
            type=of_arq,
            metavar="NAME",
            help="The same, for a queue in arq's format.",
        )
        @click.option(
            "--native-queue",
            multiple=True,
            type=queue_of("native"),
            metavar="NAME",
            help="The same, for a queue in monarq's own format. One worker may serve queues of both.",
        )
        @wraps(command)
        def served(
            *args: Any,
            queue: tuple[QueueRef, ...],
            arq_queue: tuple[QueueRef, ...],
            native_queue: tuple[QueueRef, ...],
            **options: Any,
        ) -> Any:
            return command(*args, queues=tuple(dict.fromkeys([*queue, *arq_queue, *native_queue])), **options)

        return served  # type: ignore[return-value]

    return decorate


def target_queue_options(text: str) -> Callable[[FunctionT], FunctionT]:
    """The options that name the queue for a command to put jobs into, together as the parameter `queue`; None for none.

    Args:
        text: the help of --queue.
    """

    def decorate(command: FunctionT) -> FunctionT:
        @click.option("-q", "--queue", type=queue_of(DEFAULT_FORMAT), metavar="NAME", help=text)
        @click.option(
            "--arq-queue", type=queue_of("arq"), metavar="NAME", help="The same, for a queue in arq's format."
        )
        @click.option(
            "--native-queue",
            type=queue_of("native"),
            metavar="NAME",
            help="The same, for a queue in monarq's own format.",
        )
        @wraps(command)
        def named(
            *args: Any,
            queue: QueueRef | None,
            arq_queue: QueueRef | None,
            native_queue: QueueRef | None,
            **options: Any,
        ) -> Any:
            given = [ref for ref in (queue, arq_queue, native_queue) if ref is not None]
            if len(given) > 1:
                raise click.UsageError(
                    "a job goes into one queue: give only one of --queue, --arq-queue and --native-queue",
                    click.get_current_context(),
                )
            return command(*args, queue=given[0] if given else None, **options)

        return named  # type: ignore[return-value]

    return decorate
