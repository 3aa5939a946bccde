"""GitHub over HTTP: each method of the protocol is one call and the shape of its answer.
What an answer means is answers.py, the connection itself connection.py, the gate's many calls reading.py."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.readiness_facts import ReportedContexts, RepositoryFacts, Unread, WebhookFacts
from oneshot_dagster.services.github import deployments, shapes
from oneshot_dagster.services.github.answers import ABSENT, REFUSED, Json, part, read, shaped
from oneshot_dagster.services.github.protocol import (
    AsyncMerge,
    Comment,
    Edit,
    Issue,
    MergeAnswer,
    OurCheck,
    Pull,
    QueueStanding,
    ReviewText,
    ReviewThread,
    TimelineEvent,
)
from oneshot_dagster.services.github.tokens import OneToken, Tokens

if TYPE_CHECKING:
    from oneshot_dagster.services.github.asked import Asked
    from oneshot_dagster.services.github.check_logs import CheckLogs
    from oneshot_dagster.services.github.connection import Connection
    from oneshot_dagster.services.github.glances import Glances
    from oneshot_dagster.services.github.merging import Merging
    from oneshot_dagster.services.github.our_check import OurChecks
    from oneshot_dagster.services.github.readiness import ReadinessReading
    from oneshot_dagster.services.github.reading import Reading
    from oneshot_dagster.services.github.threads import Threads

T = TypeVar("T")

LONGEST_DESCRIPTION = 140  # GitHub's bound for a deployment's description


class GitHubClient:
    """`token` is asked for at each request. May be used from several threads."""

    def __init__(
        self, *, api_url: str, graphql_url: str, token: Callable[[], str] | Tokens, timeout: float = 20.0
    ) -> None:
        self._api_url, self._graphql_url, self._timeout = api_url, graphql_url, timeout
        self._tokens: Tokens = OneToken(token) if callable(token) else token

    @cached_property
    def _connection(self) -> "Connection":
        from oneshot_dagster.services.github.connection import Connection

        return Connection(
            api_url=self._api_url, graphql_url=self._graphql_url, tokens=self._tokens, timeout=self._timeout
        )

    @cached_property
    def _reading(self) -> "Reading":
        from oneshot_dagster.services.github.protection import Protection
        from oneshot_dagster.services.github.reading import Reading

        return Reading(self._connection, Protection(self._connection))

    @cached_property
    def _merging(self) -> "Merging":
        from oneshot_dagster.services.github.merging import Merging

        return Merging(self._connection)

    @cached_property
    def _checks(self) -> "OurChecks":
        from oneshot_dagster.services.github.our_check import OurChecks

        return OurChecks(self._connection, lambda: self.login)

    @cached_property
    def _check_logs(self) -> "CheckLogs":
        from oneshot_dagster.services.github.check_logs import CheckLogs

        return CheckLogs(self._connection)

    @cached_property
    def _threads(self) -> "Threads":
        from oneshot_dagster.services.github.threads import Threads

        return Threads(self._connection)

    @cached_property
    def _readiness(self) -> "ReadinessReading":
        from oneshot_dagster.services.github.readiness import ReadinessReading

        return ReadinessReading(self._connection, self._tokens, login=lambda: self.login)

    @cached_property
    def _asked(self) -> "Asked":
        from oneshot_dagster.services.github.asked import Asked

        return Asked(self._connection)

    @cached_property
    def _glances(self) -> "Glances":
        from oneshot_dagster.services.github.glances import Glances

        return Glances(self._connection)

    def close(self) -> None:
        if "_connection" in self.__dict__:
            self._connection.close()
        self._tokens.close()

    @property
    def login(self) -> str:
        return self._login

    @cached_property
    def _login(self) -> str:
        """By GraphQL, which knows an installation's token too: it may not read `/user`."""
        if self._tokens.login:
            return self._tokens.login
        viewer = part(self._connection.graph("query { viewer { login } }", {}) or {}, "viewer")
        return shaped(shapes.login_of, viewer, asked="who we are")

    def default_branch(self, repository: str) -> str | None:
        return self._read_if_there(f"/repos/{repository}", lambda body: str(body["default_branch"]))

    def repository_facts(
        self, repository: str, *, base: str, approvals: int = 0, fresh: bool = True
    ) -> RepositoryFacts | None:
        return self._readiness.facts(repository, base=base, approvals=approvals, fresh=fresh)

    def reported_contexts(self, repository: str, branch: str, *, fresh: bool = True) -> ReportedContexts | Unread:
        return self._readiness.reported(repository, branch, fresh=fresh)

    def webhook(self, repository: str) -> WebhookFacts | Unread:
        return self._readiness.webhook(repository)

    def issue(self, repository: str, number: int) -> Issue | None:
        return self._read_if_there(f"/repos/{repository}/issues/{number}", shapes.issue)

    def last_edit(self, repository: str, number: int) -> Edit | None:
        return self._asked.last_edit(repository, number)

    def labelled_issues(self, repository: str, label: str) -> tuple[Issue, ...]:
        return self._asked.labelled(repository, label)

    def issues_since(self, repository: str, since: datetime) -> tuple[Issue, ...]:
        return self._asked.issues(repository, since)

    def comments_since(self, repository: str, since: datetime) -> tuple[Comment, ...]:
        return self._asked.comments(repository, since)

    def permission(self, repository: str, login: str) -> str:
        return self._reading.permission(repository, login)

    def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        return tuple(self._items(f"/repos/{repository}/issues/{number}/comments", shapes.comment))

    def comment(self, repository: str, number: int, body: str) -> Comment:
        answer = self._connection.send("POST", f"/repos/{repository}/issues/{number}/comments", json={"body": body})
        return read(shapes.comment, answer)

    def edit_comment(self, repository: str, comment_id: int, body: str) -> Comment:
        answer = self._connection.send(
            "PATCH", f"/repos/{repository}/issues/comments/{comment_id}", json={"body": body}
        )
        return read(shapes.comment, answer)

    def pulls_by_head(self, repository: str, branch: str) -> tuple[Pull, ...]:
        owner = repository.partition("/")[0]
        params: dict[str, str | int] = {
            "head": f"{owner}:{branch}",
            "state": "all",
            "sort": "created",
            "direction": "desc",
        }
        # GitHub ignores a filter that it does not understand; a fork's branch of this name is not ours.
        mine = shapes.has_head(repository, branch)
        bodies = self._items(f"/repos/{repository}/pulls", lambda body: body if mine(body) else None, params=params)
        return tuple(self._pull(repository, body) for body in bodies if body is not None)

    def pull(self, repository: str, number: int) -> Pull | None:
        body = self._read_if_there(f"/repos/{repository}/pulls/{number}", dict[str, Any])
        return None if body is None else self._pull(repository, body)

    def open_pull(self, repository: str, *, head: str, base: str, title: str, body: str) -> Pull | None:
        payload = {"head": head, "base": base, "title": title, "body": body}
        answer = self._connection.send("POST", f"/repos/{repository}/pulls", json=payload, values=frozenset({422}))
        return None if answer.status == 422 else read(shapes.pull, answer)

    def update_pull(self, repository: str, number: int, *, title: str, body: str) -> Pull:
        payload = {"title": title, "body": body}
        answer = self._connection.send("PATCH", f"/repos/{repository}/pulls/{number}", json=payload)
        return self._pull(repository, read(dict[str, Any], answer))

    def gate_facts(self, repository: str, number: int) -> GateFacts:
        return self._reading.gate_facts(repository, number)

    def check_log(self, repository: str, sha: str, name: str) -> str:
        return self._check_logs.of(repository, sha, name)

    def glances(self, pulls: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        return self._glances.at(pulls)

    def update_branch(self, repository: str, number: int, *, expected_head: str) -> bool:
        path, payload = f"/repos/{repository}/pulls/{number}/update-branch", {"expected_head_sha": expected_head}
        return self._connection.send("PUT", path, json=payload, values=REFUSED).status not in REFUSED

    def merge(self, repository: str, number: int, *, sha: str, method: str, title: str, message: str) -> MergeAnswer:
        return self._merging.now(repository, number, sha=sha, method=method, title=title, message=message)

    def merge_async(
        self, repository: str, number: int, *, sha: str, method: str, title: str, message: str
    ) -> AsyncMerge:
        return self._merging.ask(repository, number, sha=sha, method=method, title=title, message=message)

    def merge_async_result(self, repository: str, number: int, uuid: str) -> AsyncMerge:
        return self._merging.result(repository, number, uuid)

    def merge_queue(self, repository: str, number: int) -> QueueStanding:
        return self._merging.queue(repository, number)

    def enqueue(self, repository: str, number: int, *, sha: str) -> AsyncMerge:
        return self._merging.enqueue(repository, number, sha=sha)

    def put_check(self, repository: str, *, sha: str, check: OurCheck) -> str:
        return self._checks.put(repository, sha, check)

    def add_labels(self, repository: str, number: int, labels: Sequence[str]) -> None:
        path = f"/repos/{repository}/issues/{number}/labels"
        self._connection.send("POST", path, json={"labels": list(labels)})

    def remove_label(self, repository: str, number: int, label: str) -> None:
        path = f"/repos/{repository}/issues/{number}/labels/{quote(label, safe='')}"
        self._connection.send("DELETE", path, values=ABSENT)

    def timeline(self, repository: str, number: int) -> tuple[TimelineEvent, ...]:
        events = self._items(f"/repos/{repository}/issues/{number}/timeline", shapes.timeline_event)
        return tuple(event for event in events if event is not None)

    def review_texts(self, repository: str, number: int) -> tuple[ReviewText, ...]:
        found: list[ReviewText] = []
        for answer in self._connection.pages(f"/repos/{repository}/pulls/{number}/reviews"):
            found += read(lambda bodies: [shapes.review_text(one) for one in bodies if one.get("body")], answer)
        return tuple(found)

    def threads(self, repository: str, number: int) -> tuple[ReviewThread, ...]:
        return self._threads.all(repository, number)

    def reply_to_thread(self, repository: str, thread_id: str, body: str) -> str:
        return self._threads.reply(repository, thread_id, body)

    def resolve_thread(self, repository: str, thread_id: str) -> None:
        self._threads.resolve(repository, thread_id)

    def deployments(self, repository: str, *, sha: str, environment: str) -> Mapping[str, int]:
        found: dict[str, int] = {}
        params: dict[str, str | int] = {"sha": sha, "environment": environment}
        for answer in self._connection.pages(f"/repos/{repository}/deployments", params=params):
            found = {**read(shapes.deployment_keys, answer), **found}
        return found

    def create_deployment(self, repository: str, *, sha: str, environment: str, key: str, description: str) -> int:
        payload: dict[str, object] = {
            "ref": sha,
            "environment": environment,
            "description": description[:LONGEST_DESCRIPTION],
            "payload": {"key": key},
            # Otherwise GitHub may merge the base into the ref, or refuse for contexts that the gate has judged already.
            "auto_merge": False,
            "required_contexts": list[str](),
        }
        answer = self._connection.send("POST", f"/repos/{repository}/deployments", json=payload)
        return read(lambda body: int(body["id"]), answer)

    def active_deployments(self, repository: str, *, environment: str) -> tuple[int, ...]:
        return deployments.active(self._connection, repository, environment)

    def deployment_told(self, repository: str, deployment_id: int) -> tuple[str, ...]:
        return deployments.told(self._connection, repository, deployment_id, by=self.login)

    def deployment_status(self, repository: str, deployment_id: int, *, state: str, url: str, description: str) -> None:
        payload = {"state": state, "description": description[:LONGEST_DESCRIPTION]}
        if url:
            payload["environment_url"] = url
        self._connection.send("POST", f"/repos/{repository}/deployments/{deployment_id}/statuses", json=payload)

    def _pull(self, repository: str, body: Json) -> Pull:
        """Who merged it and as what is asked for only where it is merged."""
        graph: Json = {}
        if shapes.is_merged(body):
            graph = self._reading.landed(repository, int(body["number"]))
        return shapes.pull(body, merge_sha=shapes.merge_sha(graph), merged_by=shapes.merged_by(graph, body))

    def _read_if_there(self, path: str, shape: Callable[[Any], T]) -> T | None:
        answer = self._connection.get(path, values=ABSENT)
        return None if answer.status in ABSENT else read(shape, answer)

    def _items(
        self, path: str, shape: Callable[[Json], T], *, params: Mapping[str, str | int] | None = None
    ) -> Iterator[T]:
        for answer in self._connection.pages(path, params=params):
            yield from read(lambda page: [shape(one) for one in page], answer)
