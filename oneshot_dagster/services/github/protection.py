"""What a branch demands by classic protection and by rulesets, read once for readiness and for the gate.
What the gate needs of it is remembered for a minute. What their JSON means is rules.py."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from oneshot_dagster.domain.readiness_facts import Rule, Unread
from oneshot_dagster.services.github import rules
from oneshot_dagster.services.github.answers import ABSENT, Answer, Json, part, read, shaped
from oneshot_dagster.services.github.connection import Connection

REMEMBERED = 60.0
HIDDEN = ABSENT | {403}
NOT_TOLD = "our token may not read it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Classic:
    """`unread`: we may not read it, and `rules` are what the branch itself shows to everybody."""

    rules: tuple[Rule, ...]
    unread: Unread | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Demands:
    """`apps`: to which of them a context is pinned, each of which must report it."""

    contexts: tuple[str, ...] = ()
    approvals: int = 0
    apps: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])
    merge_queue: bool = False


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
        classic, listed = self.classic(repository, branch).rules, self.listed(repository, branch)
        of_rulesets = () if isinstance(listed, Unread) else listed
        found = shaped(
            lambda all_: demands_of((*classic, *(rules.of_rule(one, {}, heads=False) for one in all_))),
            of_rulesets,
            asked=f"the rules of {branch}",
        )
        with self._lock:
            self._known[repository, branch] = (time.monotonic(), found)
        return found

    def classic(self, repository: str, branch: str) -> Classic:
        """GitHub says that a branch is not protected to those alone who may read protection at all."""
        path = f"/repos/{repository}/branches/{quote(branch)}"
        answer = self._connection.get(f"{path}/protection", values=HIDDEN)
        source = f"the branch protection of {branch}"
        if answer.status == 200:
            return Classic(rules=read(lambda body: rules.of_protection(body, source), answer))
        if "not protected" in answer.message.lower():
            return Classic(rules=())
        return _shown(self._connection.get(path, values=HIDDEN), source)

    def listed(self, repository: str, branch: str) -> Sequence[Json] | Unread:
        """The rules of all rulesets that cover the branch, as GitHub has them."""
        bodies: list[Json] = []
        path = f"/repos/{repository}/rules/branches/{quote(branch)}"
        for answer in self._connection.pages(path, values=HIDDEN):
            if answer.status != 200:
                return Unread(why=NOT_TOLD)
            bodies += read(list[Any], answer)
        return bodies


def _shown(answer: Answer, source: str) -> Classic:
    unread = Unread(why=f"{NOT_TOLD} (an App needs administration: read, a person has to be an admin)")
    if answer.status != 200:
        return Classic(rules=(), unread=unread)
    found = read(lambda body: rules.of_protection(part(body, "protection"), source), answer)
    return Classic(rules=found, unread=unread if read(lambda body: bool(body["protected"]), answer) else None)


def demands_of(found: Sequence[Rule]) -> Demands:
    required = [one for rule in found if rule.kind == "required_status_checks" for one in rule.contexts]
    apps: dict[str, frozenset[int]] = {}
    for one in required:
        if one.app_id is not None:
            apps[one.name] = apps.get(one.name, frozenset()) | {one.app_id}
    return Demands(
        contexts=tuple(dict.fromkeys(one.name for one in required)),
        approvals=max((rule.approvals for rule in found if rule.kind == "pull_request"), default=0),
        apps=apps,
        merge_queue=any(rule.kind == "merge_queue" for rule in found),
    )
