"""The worker's loop runs until its main coroutine ends, whatever leaves the tasks of its jobs."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest
import uvloop

from monarq.workers.system.event_loop import run_until_complete


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.get_loop()
    gc.unfreeze()


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_exit_in_a_task_of_a_job_does_not_end_it(
    loop: asyncio.AbstractEventLoop, error: type[BaseException]
) -> None:
    done: list[str] = []

    async def leave() -> None:
        raise error

    async def main() -> None:
        task = asyncio.create_task(leave())
        await asyncio.wait([task])
        assert isinstance(task.exception(), error)
        done.append("main")

    run_until_complete(loop, main())
    assert done == ["main"]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ValueError])
def test_what_main_raises_is_raised(loop: asyncio.AbstractEventLoop, error: type[BaseException]) -> None:
    async def main() -> None:
        raise error

    with pytest.raises(error):
        run_until_complete(loop, main())
