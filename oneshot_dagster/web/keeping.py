"""Keeping deliveries: those that come while others are being kept are kept together next, in one commit.
So a stream costs what it must, and each is still answered only when it is committed."""

import asyncio
from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool

from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.domain.webhook import Event

_MOST = 50  # in one commit
_Waiting = tuple[Event, "asyncio.Future[None]"]


class Keeping:
    """For one event loop. `keep` commits all that it is given before it returns, or none of it."""

    def __init__(self, keep: Callable[..., object]) -> None:
        self._keep = keep
        self._waiting: list[_Waiting] = []
        self._working: asyncio.Task[None] | None = None

    async def kept(self, event: Event) -> None:
        """Raises what `keep` raises of this event."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((event, done))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            await self._together(together)
        self._working = None

    async def _together(self, waiting: Sequence[_Waiting]) -> None:
        try:
            await run_in_threadpool(self._keep, *(event for event, _ in waiting))
        except Exception as error:  # noqa: BLE001 - whatever it is, each one's sender is told of his own
            if len(waiting) > 1 and not isinstance(error, OneshotError):
                for one in waiting:  # one of them may be at fault
                    await self._together([one])
                return
            _end(waiting, error)
        else:
            _end(waiting, None)


def _end(waiting: Sequence[_Waiting], error: Exception | None) -> None:
    """Who has hung up meanwhile waits no more."""
    for _, done in waiting:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
