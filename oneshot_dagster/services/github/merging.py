"""Asking GitHub for a merge, at once, in its own time or through a merge queue, and what its answers mean.
Sent once each: after a lost answer the pull request is read."""

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.services.github.answers import ABSENT, REFUSED, Answer, Json, merge_refusal, part, read, shaped
from oneshot_dagster.services.github.connection import Connection
from oneshot_dagster.services.github.protocol import AsyncMerge, MergeAnswer, QueueStanding
from oneshot_dagster.services.github.reading import pull_node

_STATES = frozenset({"pending", "merged", "enqueued", "failed"})
_CLOSED_OR_DRAFT = 400  # "basic pull request state checks", by GitHub's description
_EXISTING = 409

_QUEUE = """
query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) { id merged isInMergeQueue isMergeQueueEnabled }
  }
}
"""
_ENQUEUE = """
mutation($pull: ID!, $sha: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $pull, expectedHeadOid: $sha}) { mergeQueueEntry { id } }
}
"""


class Merging:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def now(self, repository: str, number: int, *, sha: str, method: str, title: str, message: str) -> MergeAnswer:
        payload = _payload(sha, method, title, message)
        path = f"/repos/{repository}/pulls/{number}/merge"
        return _merge_answer(self._connection.send("PUT", path, json=payload, values=REFUSED))

    def ask(self, repository: str, number: int, *, sha: str, method: str, title: str, message: str) -> AsyncMerge:
        payload = _payload(sha, method, title, message)
        values = ABSENT | REFUSED | {_CLOSED_OR_DRAFT}
        path = f"/repos/{repository}/pulls/{number}/merge-async"
        return _async_merge(self._connection.send("PUT", path, json=payload, values=values))

    def result(self, repository: str, number: int, uuid: str) -> AsyncMerge:
        path = f"/repos/{repository}/pulls/{number}/merge-async/{uuid}"
        return _async_merge(self._connection.get(path, values=ABSENT))

    def queue(self, repository: str, number: int) -> QueueStanding:
        node = self._queue_node(repository, number)
        if node is None:
            return QueueStanding(enabled=False, queued=False, merged=False)
        return shaped(
            lambda body: QueueStanding(
                enabled=bool(body["isMergeQueueEnabled"]),
                queued=bool(body["isInMergeQueue"]),
                merged=bool(body["merged"]),
            ),
            node,
            asked=f"the merge queue of {repository}#{number}",
        )

    def enqueue(self, repository: str, number: int, *, sha: str) -> AsyncMerge:
        node = self._queue_node(repository, number) or {}
        variables: dict[str, object] = {"pull": str(node.get("id")), "sha": sha}
        try:
            self._connection.graph(_ENQUEUE, variables, repository=repository)
        except NeedsHuman as error:
            if error.reason != "github_refused":
                raise
            return AsyncMerge(
                state="refused", uuid=None, sha=None, message=str(error), why=merge_refusal(str(error), 422)
            )
        return AsyncMerge(state="enqueued", uuid=None, sha=None, message="")

    def _queue_node(self, repository: str, number: int) -> Json | None:
        """None where an older Enterprise Server knows no such fields."""
        try:
            return pull_node(self._connection, _QUEUE, repository, number)
        except NeedsHuman as error:
            if error.reason == "github_refused":
                return None
            raise


def _payload(sha: str, method: str, title: str, message: str) -> dict[str, str]:
    return {"sha": sha, "merge_method": method, "commit_title": title, "commit_message": message}


def _merge_answer(answer: Answer) -> MergeAnswer:
    if answer.status in REFUSED:
        why = merge_refusal(answer.message, answer.status)
        return MergeAnswer(merged=False, sha=None, status=answer.status, message=answer.message, why=why)
    return read(
        lambda body: MergeAnswer(
            merged=bool(body["merged"]),
            sha=str(body["sha"]),
            status=answer.status,
            message=str(body.get("message") or ""),
        ),
        answer,
    )


def _async_merge(answer: Answer) -> AsyncMerge:
    if answer.status in ABSENT:
        return AsyncMerge(state="not_offered", uuid=None, sha=None, message=answer.message)
    if answer.status == _EXISTING and part(answer.object(), "details").get("uuid"):
        return read(lambda body: _of_result(body, state="existing"), answer)
    if answer.status in REFUSED or answer.status == _CLOSED_OR_DRAFT:
        details = part(answer.object(), "details")
        message = str(details.get("message") or answer.message)
        why = merge_refusal(message, answer.status)
        return AsyncMerge(state="refused", uuid=None, sha=None, message=message, why=why)
    return read(lambda body: _of_result(body, state=_known(body)), answer)


def _known(body: Json) -> str:
    """A word that GitHub may add later raises, so that the request is asked for again and not taken for an end."""
    state = str(body["status"])
    if state not in _STATES:
        raise ValueError(state)
    return state


def _of_result(body: Json, *, state: str) -> AsyncMerge:
    details = part(body, "details")
    sha, uuid = details.get("sha"), details.get("uuid")
    message = str(details.get("message") or "")
    return AsyncMerge(
        state=state,
        uuid=str(uuid) if uuid else None,
        sha=str(sha) if sha else None,
        message=message,
        why=merge_refusal(message) if state == "failed" else "",
    )
