"""Answering and resolving review threads, which GitHub offers by GraphQL alone. Reading them is reading.py."""

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.services.github.answers import Json, part, shaped
from oneshot_dagster.services.github.connection import Connection

_REPLY = """
mutation($thread: ID!, $body: String!) {
  addPullRequestReviewThreadReply(input: {pullRequestReviewThreadId: $thread, body: $body}) { comment { url } }
}
"""

_RESOLVE = """
mutation($thread: ID!) {
  resolveReviewThread(input: {threadId: $thread}) { thread { isResolved } }
}
"""


class Threads:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def reply(self, repository: str, thread_id: str, body: str) -> str:
        data = self._done(_REPLY, repository, {"thread": thread_id, "body": body})
        made = part(data, "addPullRequestReviewThreadReply")
        return shaped(lambda one: str(one["comment"]["url"]), made, asked=f"a reply to {thread_id}")

    def resolve(self, repository: str, thread_id: str) -> None:
        self._done(_RESOLVE, repository, {"thread": thread_id})

    def _done(self, mutation: str, repository: str, variables: dict[str, object]) -> Json:
        data = self._connection.graph(mutation, variables, repository=repository)
        if data is None:
            raise NeedsHuman(f"GitHub knows no review thread {variables['thread']} in {repository}", reason="no_access")
        return data
