"""Runs one coroutine until it ends or somebody asks to stop, also where it waits for a host that says nothing."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from oneshot_dagster.system.event_loop import EventLoop

T = TypeVar("T")
_LOOK_EVERY = 0.2  # seconds


def run_unless(cancelled: Callable[[], bool], work: Coroutine[object, object, T]) -> T | None:
    """None where it was stopped: then it has been cancelled and has cleaned up. `cancelled` should be quick."""
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(_watched(cancelled, work))


async def _watched(cancelled: Callable[[], bool], work: Coroutine[object, object, T]) -> T | None:
    task = asyncio.create_task(work)
    try:
        while not task.done():
            if cancelled():
                return None
            await asyncio.wait({task}, timeout=_LOOK_EVERY)
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})
