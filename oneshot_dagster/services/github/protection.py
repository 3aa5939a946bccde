"""What a base branch demands by classic protection and by rulesets together, remembered for a minute.
Without the right to read the protection, what the branch itself shows is all that is known."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from oneshot_dagster.services.github.answers import ABSENT, Json, part, read, shaped
from oneshot_dagster.services.github.connection import Connection

REMEMBERED = 60.0
_HIDDEN = ABSENT | {403}


@dataclass(frozen=True, kw_only=True, slots=True)
class Demands:
    """`apps`: to which of them a context is pinned, each of which must report it."""

    contexts: tuple[str, ...] = ()
    approvals: int = 0
    apps: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])


class Protection:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], tuple[float, Demands]] = {}
        self._lock = threading.Lock()

    def demands(self, repository: str, branch: str) -> Demands:
        with self._lock:
            known = self._known.get((repository, branch))
        if known and time.monotonic() - known[0] < REMEMBERED:
            return known[1]
        both = (self._classic(repository, branch), self._rules(repository, branch))
        contexts = tuple(dict.fromkeys(context for one in both for context in one.contexts))
        apps = _together(pin for one in both for pin in one.apps.items())
        demands = Demands(contexts=contexts, approvals=max(one.approvals for one in both), apps=apps)
        with self._lock:
            self._known[repository, branch] = (time.monotonic(), demands)
        return demands

    def _classic(self, repository: str, branch: str) -> Demands:
        path = f"/repos/{repository}/branches/{quote(branch)}"
        answer = self._connection.get(f"{path}/protection", values=_HIDDEN)
        if answer.status == 200:
            return read(_of_protection, answer)
        shown = self._connection.get(path, values=_HIDDEN)
        return read(_of_branch, shown) if shown.status == 200 else Demands()

    def _rules(self, repository: str, branch: str) -> Demands:
        rules: list[Json] = []
        path = f"/repos/{repository}/rules/branches/{quote(branch)}"
        for answer in self._connection.pages(path, values=_HIDDEN):
            if answer.status != 200:
                return Demands()
            rules += read(list[Any], answer)
        return shaped(_of_rules, rules, asked=f"the rules of {branch}")


def _of_protection(body: Json) -> Demands:
    reviews: Json = part(body, "required_pull_request_reviews")
    checks = part(body, "required_status_checks")
    approvals = int(reviews.get("required_approving_review_count") or 0)
    return Demands(contexts=_contexts(checks), approvals=approvals, apps=_pinned(checks))


def _of_branch(body: Json) -> Demands:
    checks = part(part(body, "protection"), "required_status_checks")
    return Demands(contexts=_contexts(checks), apps=_pinned(checks))


def _contexts(checks: Json) -> tuple[str, ...]:
    """The same names stand in the old list and in the new one, which also says the app."""
    named = [str(check["context"]) for check in checks.get("checks") or ()]
    return tuple(dict.fromkeys([*map(str, checks.get("contexts") or ()), *named]))


def _pinned(checks: Json) -> dict[str, frozenset[int]]:
    named: list[Json] = list(checks.get("checks") or ())
    return _together((str(check["context"]), _app(check.get("app_id"))) for check in named)


def _app(number: int | None) -> frozenset[int]:
    """Nothing, and in classic protection -1, is any App."""
    return frozenset({number}) if number and number > 0 else frozenset()


def _together(pins: Iterable[tuple[str, frozenset[int]]]) -> dict[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = {}
    for context, apps in pins:
        if apps:
            found[context] = found.get(context, frozenset()) | apps
    return found


def _of_rules(rules: Sequence[Json]) -> Demands:
    checks: list[Json] = []
    approvals = 0
    for rule in rules:
        parameters: Json = part(rule, "parameters")
        if rule["type"] == "required_status_checks":
            checks += parameters["required_status_checks"]
        if rule["type"] == "pull_request":
            approvals = max(approvals, int(parameters.get("required_approving_review_count") or 0))
    contexts = tuple(dict.fromkeys(str(check["context"]) for check in checks))
    apps = _together((str(check["context"]), _app(check.get("integration_id"))) for check in checks)
    return Demands(contexts=contexts, approvals=approvals, apps=apps)
