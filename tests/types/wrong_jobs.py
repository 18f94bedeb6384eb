"""Jobs that return something else than they say, and classes whose code raises when they are made."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, cast

from monarq.shared.jobs.decorators import job

RAN: list[str] = []


@dataclass
class Leaves:
    """It ends the process of whoever makes one, unless it is told not to."""

    stays: bool = False
    interrupts: bool = False

    def __post_init__(self) -> None:
        if self.interrupts:
            raise KeyboardInterrupt
        if not self.stays:
            sys.exit(7)


@job(name="wrong.on_the_loop", retry=3)
async def on_the_loop() -> int:
    RAN.append("io")
    return cast("Any", "5")


@job(name="wrong.in_a_thread", lane="thread", retry=3)
def in_a_thread() -> list[int]:
    RAN.append("thread")
    return cast("Any", [1, "2"])


@job(name="wrong.in_a_process", retry=3)
def in_a_process() -> int:
    return cast("Any", (1, 2))


@job(name="wrong.not_kept", keep_result=0)
async def not_kept() -> int:
    return cast("Any", "5")


@job(name="wrong.takes", retry=3)
async def takes(number: int, leaves: Leaves | None = None) -> int:
    RAN.append("takes")
    return number


@job(name="wrong.plus")
async def plus(one: int, other: int) -> int:
    return one + other


ALL = [on_the_loop, in_a_thread, in_a_process, not_kept, takes, plus]
