"""A program that silences all loggers it does not name, and asks for the event loop, when it is imported."""

from __future__ import annotations

import asyncio
import logging.config

from monarq import job

logging.config.dictConfig({"version": 1})
LOOP = asyncio.get_event_loop()


@job
async def is_on_its_loop() -> bool:
    return asyncio.get_running_loop() is LOOP


@job
async def silence_again() -> None:
    logging.config.dictConfig({"version": 1})
