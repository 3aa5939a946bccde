"""The HTTP calls of a run, as the forge's log has them, and the faults that each may meet."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LOGIN = "oneshot"
_BASE = "{base}"
ONCE: Mapping[str, Mapping[str, object]] = {
    "502 before": {"kind": "502_before"},
    "502 after": {"kind": "502_after"},
    "403 limit": {"kind": "403_limit", "retry_after": 1},
    "403 limit, no retry-after": {"kind": "403_limit"},
    "429": {"kind": "429", "retry_after": 1},
    "hang": {"kind": "hang"},
    "cut after": {"kind": "cut_after"},
    "stale": {"kind": "stale"},
    "unknown SHA": {"kind": "wrong_sha"},
    "SHA of the base": {"kind": "wrong_sha", "sha": _BASE},
}
# Of these a person may be told; nothing wrong follows from them.
WRONG_SHA = frozenset({"unknown SHA", "SHA of the base"})
FOR_EVER: Mapping[str, Mapping[str, object]] = {
    "403 for ever": {"kind": "403", "times": 0},
    "404 for ever": {"kind": "404", "times": 0},
    "422 for ever": {"kind": "422", "times": 0},
    "502 for ever": {"kind": "502_before", "times": 0},
}
FAULTS = {**ONCE, **FOR_EVER}
LEFT_OUT = {
    (
        "git",
        "hang",
    ): "git gives up after a minute of silence; the process's own timeout is tested in tests/services/git",
    ("git", "stale"): "git names what it wants by SHA",
    ("git", "unknown SHA"): "what git fetches it checks by its SHA",
    ("git", "SHA of the base"): "the same",
    ("git", "403 limit"): "git's servers limit with 429; a 403 of theirs is a refusal",
    ("git", "403 limit, no retry-after"): "the same",
    ("git", "422 for ever"): "git knows no such answer",
}
_PARTS = (
    (re.compile(r"(?<=/)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "{uuid}", "[0-9a-f-]{36}"),
    (re.compile(r"(?<=/)\d+(?=/|$)"), "{n}", r"\d+"),
    (re.compile(r"[0-9a-f]{40}"), "{sha}", "[0-9a-f]{40}"),
    (re.compile(r"issue-\d+"), "issue-{n}", r"issue-\d+"),
)


def armed(fault: str, *, base: str) -> Mapping[str, object]:
    """What the forge is told of it; `base` is where the base stood before the change."""
    return {name: base if value == _BASE else value for name, value in FAULTS[fault].items()}


@dataclass(frozen=True, kw_only=True)
class Call:
    """The `nth` request of its kind in a run."""

    method: str
    kind: str
    path: str
    graphql: str
    nth: int

    @property
    def name(self) -> str:
        return f"{self.method} {self.kind} #{self.nth}"

    @property
    def family(self) -> str:
        return "git" if ".git/" in self.kind else "api"


def call_of(name: str) -> Call:
    """The one of that name, of a walk that need not have been taken before. Not GraphQL's, which all have one address."""
    method, kind, nth = name.replace(" #", " ").split(" ")
    return Call(method=method, kind=kind, path=_pattern(kind), graphql="", nth=int(nth))


def calls_of(rows: Sequence[Mapping[str, str]]) -> list[Call]:
    """In the order in which they were first sent."""
    seen: Counter[tuple[str, str]] = Counter()
    found: list[Call] = []
    for row in rows:
        if row["login"] != LOGIN:
            continue
        kind, path = _kind(row)
        seen[row["method"], kind] += 1
        if "{uuid}" in kind and seen[row["method"], kind] > 1:
            continue  # how often a merge is looked for is a matter of time
        graphql = re.escape(row["graphql"]) if row["graphql"] else ""
        nth = seen[row["method"], kind]
        found.append(Call(method=row["method"], kind=kind, path=path, graphql=graphql, nth=nth))
    return found


def _kind(row: Mapping[str, str]) -> tuple[str, str]:
    """A name for people and a pattern for the forge."""
    if row["graphql"]:
        return f"graphql {re.findall(r'([a-zA-Z]+)[^{}a-zA-Z]*{', row['graphql'])[-1]}", "^/api/graphql$"
    path = row["path"].removeprefix("/api/v3")
    service = f"?{row['query']}" if row["path"].endswith("/info/refs") else ""
    kind = path + service
    for found, name, _ in _PARTS:
        kind = found.sub(name, kind)
    return kind, _pattern(kind)


def _pattern(kind: str) -> str:
    pattern = re.escape(kind)
    for _, name, any_ in _PARTS:
        pattern = pattern.replace(re.escape(name), any_)
    return pattern + (r"$" if "/info/refs" in kind else r"(\?|$)")
