"""How fast we write. GitHub asks for a second between writes; we keep to it from the moment it says that we are too many.
https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api"""

import threading
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import httpx
from githubkit.throttling import BaseThrottler

BETWEEN_WRITES = 1.0


class Pace(BaseThrottler):
    def __init__(self, between: float = BETWEEN_WRITES) -> None:
        self._between, self._slow = between, False
        self._next = 0.0
        self._lock = threading.Lock()

    def slow_down(self) -> None:
        """For as long as this connection lives."""
        self._slow = True

    @contextmanager
    def acquire(self, request: httpx.Request) -> Generator[None]:
        time.sleep(self.wait(request))
        yield

    @asynccontextmanager
    async def async_acquire(self, request: httpx.Request) -> AsyncGenerator[None]:
        with self.acquire(request):
            yield

    def wait(self, request: httpx.Request) -> float:
        """Seconds until this request's turn, which is taken by asking."""
        if not (self._slow and writes(request)):
            return 0.0
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._between
        return turn - now


def writes(request: httpx.Request) -> bool:
    """GraphQL's queries are sent by POST like its mutations."""
    if request.method != "POST" or not request.url.path.endswith("/graphql"):
        return request.method != "GET"
    return b"mutation" in request.content
