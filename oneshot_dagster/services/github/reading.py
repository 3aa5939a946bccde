"""Reads everything that the gate needs of one pull request, at one head, in as few calls as may be.
The head is read first and again with the threads: facts of two heads are never mixed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.domain.gate import CheckRun, CommitStatus, GateFacts, Review, Thread
from oneshot_dagster.services.github import shapes
from oneshot_dagster.services.github.answers import ABSENT, Json, part, read, shaped
from oneshot_dagster.services.github.connection import Connection
from oneshot_dagster.services.github.protection import Protection

READINGS = 3  # of a head that moves while we read

_QUERY = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      headRefOid
      mergeStateStatus
      isMergeQueueEnabled
      merged
      mergeCommit { oid }
      mergedBy { login }
      reviewThreads(first: 100, after: $after) {
        nodes { id isResolved path line comments(first: 1) { nodes { author { login } body } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""

_OLDER = _QUERY.replace("      isMergeQueueEnabled\n", "")  # for an Enterprise Server that knows no such field

_LANDED = """
query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) { mergeCommit { oid } mergedBy { login } }
  }
}
"""


class Reading:
    def __init__(self, connection: Connection, protection: Protection) -> None:
        self._connection, self._protection = connection, protection
        self._query = _QUERY

    def gate_facts(self, repository: str, number: int) -> GateFacts:
        for _ in range(READINGS):
            facts = self._once(repository, number)
            if facts is not None:
                return facts
        raise TryAgain(f"the head of {repository}#{number} keeps moving while it is read", after=1.0)

    def landed(self, repository: str, number: int) -> Json:
        """Merge commit and merger of a merged pull request, in GraphQL's words."""
        return pull_node(self._connection, _LANDED, repository, number)

    def permission(self, repository: str, login: str) -> str:
        """`none` where GitHub knows nobody of that name."""
        path = f"/repos/{repository}/collaborators/{quote(login, safe='')}/permission"
        answer = self._connection.get(path, values=ABSENT)
        return "none" if answer.status in ABSENT else read(shapes.permission, answer)

    def _once(self, repository: str, number: int) -> GateFacts | None:
        """None where the head moved between the first call and the second."""
        answer = self._connection.get(f"/repos/{repository}/pulls/{number}")
        sha = read(lambda body: str(body["head"]["sha"]), answer)
        graph, threads = self._threads(repository, number)
        if graph.get("headRefOid") != sha:
            return None
        demands = self._protection.demands(repository, read(lambda body: str(body["base"]["ref"]), answer))
        checks, statuses = self._checks(repository, sha), self._statuses(repository, sha)
        reviews, threads = self._with_access(repository, self._reviews(repository, number), threads)

        def facts(body: Json) -> GateFacts:
            return GateFacts(
                pr_number=number,
                head_sha=sha,
                base_ref=str(body["base"]["ref"]),
                base_sha=str(body["base"]["sha"]),
                open=body["state"] == "open",
                draft=bool(body.get("draft")),
                merged=shapes.is_merged(body),
                merge_sha=shapes.merge_sha(graph),
                merged_by=shapes.merged_by(graph, body),
                mergeable_state=shapes.mergeable_state(graph, body),
                checks=checks,
                statuses=statuses,
                required_contexts=demands.contexts,
                required_apps=demands.apps,
                required_approvals=demands.approvals,
                # Classic protection does not tell of one by REST.
                merge_queue=demands.merge_queue or bool(graph.get("isMergeQueueEnabled")),
                reviews=reviews,
                threads=threads,
                labels=shapes.labels_of(body),
                read_at=datetime.now(UTC),
            )

        return read(facts, answer)

    def _threads(self, repository: str, number: int) -> tuple[Json, tuple[Thread, ...]]:
        """The pull request as GraphQL says it first, and all pages of its threads."""
        asked = f"the review threads of {repository}#{number}"
        first: Json = {}
        threads: list[Thread] = []
        after: str | None = None
        while True:
            node = self._pull_node(repository, number, after)
            first = first or node
            threads += shaped(
                lambda body: [shapes.thread(one) for one in body["reviewThreads"]["nodes"]], node, asked=asked
            )
            following = shaped(next_page, node, asked=asked)
            if following is None or following == after:
                return first, tuple(threads)
            after = following

    def _pull_node(self, repository: str, number: int, after: str | None) -> Json:
        try:
            return pull_node(self._connection, self._query, repository, number, after=after)
        except NeedsHuman as error:
            if error.reason != "github_refused" or self._query is _OLDER:
                raise
        node = pull_node(self._connection, _OLDER, repository, number, after=after)
        self._query = _OLDER
        return node

    def _checks(self, repository: str, sha: str) -> tuple[CheckRun, ...]:
        bodies = latest_checks(self._connection, repository, sha)
        return shaped(lambda all_: tuple(map(shapes.check_run, all_)), bodies, asked=f"the checks of {sha}")

    def _statuses(self, repository: str, sha: str) -> tuple[CommitStatus, ...]:
        """The combined status holds the latest of each context."""
        found: list[CommitStatus] = []
        for answer in self._connection.pages(f"/repos/{repository}/commits/{sha}/status"):
            found += read(lambda body: [shapes.commit_status(one) for one in body["statuses"]], answer)
        return tuple(found)

    def _reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        bodies: list[Json] = []
        for answer in self._connection.pages(f"/repos/{repository}/pulls/{number}/reviews"):
            bodies += read(list[Any], answer)
        return shaped(lambda all_: tuple(map(shapes.review, all_)), bodies, asked=f"reviews of #{number}")

    def _with_access(
        self, repository: str, reviews: tuple[Review, ...], threads: tuple[Thread, ...]
    ) -> tuple[tuple[Review, ...], tuple[Thread, ...]]:
        """Who of their authors has write access; each is asked for once."""
        authors = {review.author for review in reviews} | {t.author for t in threads if not t.is_resolved}
        writers = {login for login in authors if self.permission(repository, login) in shapes.WRITERS}
        return (
            tuple(replace(review, has_write_access=review.author in writers) for review in reviews),
            tuple(replace(thread, has_write_access=thread.author in writers) for thread in threads),
        )


def pull_node(connection: Connection, query: str, repository: str, number: int, *, after: str | None = None) -> Json:
    owner, name = repository.split("/")
    variables: dict[str, object] = {"owner": owner, "name": name, "number": number}
    if after:
        variables["after"] = after
    data = connection.graph(query, variables, repository=repository)
    node = part(part(data or {}, "repository"), "pullRequest")
    if not node:
        raise NeedsHuman(f"GitHub knows no pull request {repository}#{number}, or hides it from us", reason="no_access")
    return node


def latest_checks(connection: Connection, repository: str, sha: str, *, name: str | None = None) -> tuple[Json, ...]:
    """The latest check run of each name and app: a check that was run again leaves its old result behind."""
    params: dict[str, str | int] = {"filter": "latest"}
    if name:
        params["check_name"] = name
    latest: dict[tuple[str, str], Json] = {}
    for answer in connection.pages(f"/repos/{repository}/commits/{sha}/check-runs", params=params):
        for body in read(lambda page: sorted(page["check_runs"], key=lambda run: int(run["id"])), answer):
            key = (str(body.get("name")), str(part(body, "app").get("slug")))
            if key not in latest or int(latest[key]["id"]) < int(body["id"]):
                latest[key] = body
    return tuple(latest.values())


def next_page(node: Json) -> str | None:
    page: Json = node["reviewThreads"]["pageInfo"]
    return str(page["endCursor"]) if page["hasNextPage"] else None
