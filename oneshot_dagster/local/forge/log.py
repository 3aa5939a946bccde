"""What was asked of the forge, and the requests that nobody may send: file lists and patches come from git alone."""

import re
import threading
from collections import deque
from dataclasses import dataclass

_KEPT = 20_000
_FILE_LISTS = (
    (re.compile(r"/repos/[^/]+/[^/]+/pulls/\d+/files"), "a pull request's files"),
    (re.compile(r"/repos/[^/]+/[^/]+/compare/"), "a comparison of commits"),
    (re.compile(r"/repos/[^/]+/[^/]+/commits/[^/]+$"), "a commit with its files"),
    (re.compile(r"^/[^/]+/[^/]+/(?:pull|commit|compare)/.*\.(?:diff|patch)$"), "a diff or patch page"),
)
_DIFF_MEDIA = re.compile(r"application/vnd\.github\.(?:[\w.-]+\.)?(?:diff|patch)\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """`at` is when it came; `graphql` is the text of the query, None on REST and git; `fault` the armed one that hit it."""

    id: str
    method: str
    path: str
    query: str
    login: str | None
    status: int
    at: str
    graphql: str | None = None
    fault: str | None = None


class RequestLog:
    """The last requests, in memory only: a restart starts a new page."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def add(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def all(self) -> list[Request]:
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()


def file_list_asked(path: str, accept: str) -> str | None:
    """What of the forbidden was asked for, if any."""
    if _DIFF_MEDIA.search(accept):
        return "a diff or patch media type"
    return next((what for pattern, what in _FILE_LISTS if pattern.search(path)), None)
