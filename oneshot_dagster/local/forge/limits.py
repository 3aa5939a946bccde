"""GitHub's limits on requests: counted by login, resource and hour, and refused in GitHub's words where they are enforced.
Until a control says so they are only counted: a local world that runs for days is not to stand still."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from oneshot_dagster.local.forge.asked import GRAPHQL, Asked, Reply, json_reply

ALLOWED = {"core": 5000, "graphql": 5000, "search": 30, "integration_manifest": 5000}
_ANONYMOUS, _ANONYMOUS_LIMIT = "", 60
_HOUR = 3600
_DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
_HELP = "If you reach out to GitHub Support for help, please include the request ID {}"
_PRIMARY = "API rate limit exceeded for {}. " + _HELP + " and timestamp {} UTC."
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. " + _HELP + "."


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """`reset` in seconds since the epoch."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def headers(self, resource: str) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(self.reset),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-resource": resource,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Secondary:
    """`retry_after` None: GitHub does not always say how long."""

    status: int
    retry_after: int | None
    until: float


class Limits:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, str], Window] = {}
        self._enforced: set[str] = set()
        self._secondary: dict[str, Secondary] = {}

    def window(self, login: str, resource: str) -> Window:
        with self._lock:
            return self._current(login, resource)

    def windows(self, login: str) -> Mapping[str, Window]:
        return {resource: self.window(login, resource) for resource in ALLOWED}

    def count(self, login: str, resource: str, by: int = 1) -> Window:
        with self._lock:
            now = self._current(login, resource)
            counted = replace(now, used=min(max(now.used + by, 0), now.limit))
            self._windows[login, resource] = counted
            return counted

    def set(self, login: str, resource: str, *, remaining: int, reset_in: int, enforced: bool) -> Window:
        with self._lock:
            limit = self._current(login, resource).limit
            window = Window(limit=limit, used=limit - remaining, reset=int(time.time()) + reset_in)
            self._windows[login, resource] = window
            (self._enforced.add if enforced else self._enforced.discard)(login)
            return window

    def set_secondary(self, login: str, *, status: int, retry_after: int | None, seconds: float) -> None:
        with self._lock:
            self._secondary[login] = Secondary(status=status, retry_after=retry_after, until=time.time() + seconds)

    def clear(self, login: str) -> None:
        with self._lock:
            self._windows = {key: window for key, window in self._windows.items() if key[0] != login}
            self._enforced.discard(login)
            self._secondary.pop(login, None)

    def refusal(self, asked: Asked) -> Reply | None:
        """Where no more requests are allowed. A refused request counts no further."""
        login = asked.login or _ANONYMOUS
        with self._lock:
            secondary = self._secondary.get(login)
            spent = login in self._enforced and self._current(login, resource_of(asked)).remaining == 0
        if secondary is not None and time.time() < secondary.until:
            return secondary_refusal(asked.id, status=secondary.status, retry_after=secondary.retry_after)
        return _primary_refusal(asked) if spent else None

    def _current(self, login: str, resource: str) -> Window:
        kept = self._windows.get((login, resource))
        if kept is not None and time.time() < kept.reset:
            return kept
        limit = _ANONYMOUS_LIMIT if login == _ANONYMOUS else ALLOWED[resource]
        return Window(limit=limit, used=0, reset=int(time.time()) + _HOUR)


def resource_of(asked: Asked) -> str:
    return "graphql" if asked.path == GRAPHQL else "core"


def secondary_refusal(request_id: str, *, status: int, retry_after: int | None) -> Reply:
    body = {
        "documentation_url": f"{_DOCS}#about-secondary-rate-limits",
        "message": SECONDARY.format(request_id),
        "status": str(status),
    }
    return json_reply(status, body, {} if retry_after is None else {"retry-after": str(retry_after)})


def _primary_refusal(asked: Asked) -> Reply:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    installation = asked.user.installation if asked.user else 0
    whose = f"installation ID {installation}" if installation else f"user ID {asked.user.id if asked.user else 0}"
    message = _PRIMARY.format(whose, asked.id, at)
    if asked.path == GRAPHQL:
        return json_reply(200, {"errors": [{"type": "RATE_LIMITED", "message": message}]})
    return json_reply(403, {"message": message, "documentation_url": _DOCS, "status": "403"})
