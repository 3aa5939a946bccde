"""Reads what a repository lets us do, for domain.readiness: settings, rights, rules of the base and of our branches, CI, webhook.
What is remembered is remembered for minutes. What may not be read is told as such and is no fault."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.domain.readiness_facts import (
    SAMPLE_HEAD,
    Access,
    ReportedContexts,
    RepositoryFacts,
    Rule,
    Unread,
    WebhookFacts,
)
from oneshot_dagster.services.github import rules
from oneshot_dagster.services.github.answers import ABSENT, Json, part, read, shaped
from oneshot_dagster.services.github.connection import Connection
from oneshot_dagster.services.github.protection import HIDDEN, NOT_TOLD, Protection
from oneshot_dagster.services.github.tokens import Tokens

T = TypeVar("T")
REMEMBERED = 300.0
MOST_RULESETS = 20
HOOK_PATH = "/webhooks/github"
_ROLES = ("admin", "maintain", "push", "triage", "pull")
_NAMES = {"push": "write", "pull": "read"}

_REPORTED = """
query($owner: String!, $name: String!, $base: String!, $ref: String!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $ref) { target { ... on Commit { history(first: 20) { nodes { ...reported } } } } }
    pullRequests(first: 10, baseRefName: $base, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { commits(last: 1) { nodes { commit { ...reported } } } }
    }
  }
}
fragment reported on Commit {
  statusCheckRollup { contexts(first: 100) { nodes {
    __typename
    ... on CheckRun { name checkSuite { app { databaseId slug } } }
    ... on StatusContext { context }
  } } }
}
"""


class ReadinessReading:
    def __init__(self, connection: Connection, tokens: Tokens, *, login: Callable[[], str]) -> None:
        self._connection, self._tokens, self._login = connection, tokens, login
        self._protection = Protection(connection)
        self._known: dict[tuple[object, ...], tuple[float, object]] = {}
        self._lock = threading.Lock()

    def facts(self, repository: str, *, base: str, approvals: int, fresh: bool) -> RepositoryFacts | None:
        facts = self._remembered((repository, base), lambda: self._facts(repository, base), fresh=fresh)
        if facts is None or not max([approvals, *(rule.approvals for rule in _known(facts.base_rules))]):
            return facts
        login = facts.access.login
        approvers = self._remembered((repository,), lambda: self._approvers(repository, login), fresh=fresh)
        return replace(facts, approvers=approvers)

    def reported(self, repository: str, branch: str, *, fresh: bool) -> ReportedContexts | Unread:
        return self._remembered(
            (repository, branch, "reported"), lambda: self._reported(repository, branch), fresh=fresh
        )

    def webhook(self, repository: str) -> WebhookFacts | Unread:
        """An App has one of its own. Of a repository's webhooks the one that leads to a platform like this is ours."""
        if self._tokens.login is not None:
            config = self._connection.get("/app/hook/config", values=HIDDEN)
            return Unread(why=NOT_TOLD) if config.status != 200 else self._hook(config.json(), "/app/hook")
        path = f"/repos/{repository}/hooks"
        hooks = self._connection.get(path, params={"per_page": 100}, values=HIDDEN)
        if hooks.status != 200:
            return Unread(why=f"{NOT_TOLD} (a person has to be an admin, a classic token needs admin:repo_hook)")
        ours = read(lambda page: [hook for hook in page if rules.url_of(hook).endswith(HOOK_PATH)], hooks)
        return self._hook(ours[0], f"{path}/{ours[0]['id']}") if ours else WebhookFacts()

    def _hook(self, config: Json, path: str) -> WebhookFacts:
        deliveries: list[Any] = []
        if rules.url_of(config):
            answer = self._connection.get(f"{path}/deliveries", params={"per_page": 20}, values=HIDDEN)
            deliveries = read(list[Any], answer) if answer.status == 200 else []
        return shaped(lambda hook: rules.webhook(hook, deliveries), config, asked="a webhook")

    def _remembered(self, key: tuple[object, ...], ask: Callable[[], T], *, fresh: bool) -> T:
        with self._lock:
            known = self._known.get(key)
        if known is not None and not fresh and time.monotonic() - known[0] < REMEMBERED:
            return known[1]  # pyright: ignore[reportReturnType] (the key tells the question)
        answer = ask()
        with self._lock:
            self._known[key] = (time.monotonic(), answer)
        return answer

    def _facts(self, repository: str, base: str) -> RepositoryFacts | None:
        answer = self._connection.get(f"/repos/{repository}", values=ABSENT)
        if answer.status in ABSENT:
            return None
        body = read(dict[str, Any], answer)
        classic = self._protection.classic(repository, base)
        protected = () if classic.unread else classic.rules
        base_rules = self._rules(repository, base, heads=False)
        return RepositoryFacts(
            repository=repository,
            base=base,
            archived=bool(body.get("archived")),
            methods=rules.methods(body),
            access=self._access(repository, body, answer.headers),
            base_rules=base_rules if isinstance(base_rules, Unread) else (*protected, *base_rules),
            head_rules=self._rules(repository, SAMPLE_HEAD, heads=True),
            classic=classic.unread,
        )

    def _access(self, repository: str, body: Json, headers: Mapping[str, str]) -> Access:
        login = self._login()
        if self._tokens.login is not None or login.endswith("[bot]"):
            return Access(login=login, is_app=True, permissions=self._tokens.permissions(repository))
        held = part(body, "permissions")
        role = next((_NAMES.get(name, name) for name in _ROLES if held.get(name)), "none" if held else None)
        scopes = headers.get("x-oauth-scopes")
        named = None if scopes is None else tuple(scope.strip() for scope in scopes.split(",") if scope.strip())
        return Access(login=login, is_app=False, role=role, scopes=named)

    def _rules(self, repository: str, branch: str, *, heads: bool) -> tuple[Rule, ...] | Unread:
        bodies = self._protection.listed(repository, branch)
        if isinstance(bodies, Unread):
            return bodies
        numbers = dict.fromkeys(
            int(body.get("ruleset_id") or 0) for body in bodies if rules.may_hold(body, heads=heads)
        )
        known = {number: self._ruleset(repository, number) for number in tuple(numbers)[:MOST_RULESETS]}
        return shaped(
            lambda all_: tuple(rules.of_rule(one, known, heads=heads) for one in all_),
            bodies,
            asked=f"rules of {branch}",
        )

    def _ruleset(self, repository: str, number: int) -> Json:
        """Its name, and whether it holds us. Nothing where it may not be read."""
        answer = self._connection.get(f"/repos/{repository}/rulesets/{number}", values=HIDDEN)
        return read(dict[str, Any], answer) if answer.status == 200 else {}

    def _approvers(self, repository: str, login: str) -> tuple[str, ...] | Unread:
        found: list[str] = []
        for answer in self._connection.pages(
            f"/repos/{repository}/collaborators", params={"permission": "push"}, values=HIDDEN
        ):
            if answer.status != 200:
                return Unread(why=NOT_TOLD)
            found += read(lambda page: [str(one["login"]) for one in page], answer)
        return tuple(one for one in found if one.lower() != login.lower())

    def _reported(self, repository: str, branch: str) -> ReportedContexts | Unread:
        owner, name = repository.split("/")
        variables: dict[str, object] = {"owner": owner, "name": name, "base": branch, "ref": f"refs/heads/{branch}"}
        try:
            data = self._connection.graph(_REPORTED, variables, repository=repository)
        except (NeedsHuman, TryAgain) as error:
            return Unread(why=str(error))
        node = part(data or {}, "repository")
        return shaped(rules.reported, node, asked=f"what reported in {repository}") if node else Unread(why=NOT_TOLD)


def _known(found: tuple[Rule, ...] | Unread) -> tuple[Rule, ...]:
    return () if isinstance(found, Unread) else found
