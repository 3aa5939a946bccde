"""Faults that a test arms: which request is hit, how often, and what it gets instead of its answer. Pure but for the counting."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from oneshot_dagster.local.forge.asked import GRAPHQL, Asked, Reply, json_reply
from oneshot_dagster.local.forge.limits import secondary_refusal


class Kind(StrEnum):
    """The `_after` kinds, `stale` and `wrong_sha` let the request through first: its effect happens."""

    BAD_GATEWAY_BEFORE = "502_before"
    BAD_GATEWAY_AFTER = "502_after"
    LIMIT_403 = "403_limit"
    LIMIT_429 = "429"
    HANG = "hang"
    CUT_AFTER = "cut_after"
    STALE = "stale"
    WRONG_SHA = "wrong_sha"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    INVALID = "422"


AFTER = frozenset({Kind.BAD_GATEWAY_AFTER, Kind.CUT_AFTER, Kind.STALE, Kind.WRONG_SHA})
READ_OTHERWISE = frozenset({Kind.STALE, Kind.WRONG_SHA})  # the answer is whole, and says something else than what is
_SHA = re.compile(rb"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """`path` and `graphql` are patterns for the path with its query and for the query's text; "" matches all.

    It hits the `nth` matching request after it was armed and the ones after it, `times` in all; 0 is for ever.
    `retry_after`: seconds that a limit names; None, it names none. `sha`: the commit that a wrong_sha answer names wherever
    it names one; "" is for each a commit that nobody has.
    """

    id: int
    kind: Kind
    method: str = ""
    path: str = ""
    graphql: str = ""
    login: str = ""
    nth: int = 1
    times: int = 1
    retry_after: int | None = None
    sha: str = ""

    def matches(self, asked: Asked) -> bool:
        return (
            self.method in {"", asked.method}
            and self.login in {"", asked.login}
            and re.search(self.path, asked.target) is not None
            and (not self.graphql or re.search(self.graphql, asked.graphql or "") is not None)
        )

    def hits(self, count: int) -> bool:
        return count >= self.nth and (self.times == 0 or count < self.nth + self.times)


@dataclass(kw_only=True, slots=True)
class Armed:
    """`seen` counts what matched; `hit` has the ids of the requests that got the fault."""

    fault: Fault
    seen: int = 0
    hit: list[str] = field(default_factory=list[str])


class Faults:
    """Of a request the first fault that hits it counts; the others only count it as seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Armed] = []
        self._last_id = 0

    def next_id(self) -> int:
        with self._lock:
            self._last_id += 1
            return self._last_id

    def arm(self, fault: Fault) -> Armed:
        with self._lock:
            armed = Armed(fault=fault)
            self._armed.append(armed)
            return armed

    def all(self) -> list[Armed]:
        with self._lock:
            return list(self._armed)

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def hit(self, asked: Asked) -> Fault | None:
        if asked.path.startswith("/_forge/"):
            return None
        chosen: Armed | None = None
        with self._lock:
            for armed in self._armed:
                if armed.fault.matches(asked):
                    armed.seen += 1
                    if chosen is None and armed.fault.hits(armed.seen):
                        chosen = armed
            if chosen is not None:
                chosen.hit.append(asked.id)
        return chosen.fault if chosen else None


def naming_otherwise(fault: Fault, body: bytes) -> bytes:
    """The answer with other commits than the true ones in it."""
    return _SHA.sub(lambda found: fault.sha.encode() or found[0][::-1], body)


def reply_of(fault: Fault, asked: Asked) -> Reply:
    """What is answered in place of the answer, for every kind but hang, cut and those that only read otherwise."""
    match fault.kind:
        case Kind.LIMIT_403 | Kind.LIMIT_429:
            status = 403 if fault.kind is Kind.LIMIT_403 else 429
            return secondary_refusal(asked.id, status=status, retry_after=fault.retry_after)
        case Kind.UNAUTHORIZED | Kind.FORBIDDEN | Kind.NOT_FOUND | Kind.INVALID:
            return _refusal(fault.kind, asked)
        case _:
            return json_reply(502, {"message": "Server Error"})


_WORDS: Mapping[Kind, tuple[str, str]] = {
    Kind.UNAUTHORIZED: ("Bad credentials", "UNAUTHORIZED"),
    Kind.FORBIDDEN: ("Resource not accessible by personal access token", "FORBIDDEN"),
    Kind.NOT_FOUND: ("Not Found", "NOT_FOUND"),
    Kind.INVALID: ("Validation Failed by a fault", "UNPROCESSABLE"),
}


def _refusal(kind: Kind, asked: Asked) -> Reply:
    """GraphQL says it in the body of a 200, but for bad credentials."""
    message, code = _WORDS[kind]
    if asked.path == GRAPHQL and kind is not Kind.UNAUTHORIZED:
        return json_reply(200, {"data": None, "errors": [{"type": code, "message": message}]})
    body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": kind.value}
    return json_reply(int(kind.value), body)
