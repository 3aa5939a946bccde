"""Review threads with what was said in them; answering and resolving them, which GitHub offers by GraphQL alone.
Whether they keep the gate shut is read in reading.py."""

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.services.github import shapes
from oneshot_dagster.services.github.answers import Json, part, shaped
from oneshot_dagster.services.github.connection import Connection
from oneshot_dagster.services.github.protocol import ReviewThread, ThreadComment
from oneshot_dagster.services.github.reading import next_page, pull_node

_THREADS = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 50, after: $after) {
        nodes { id isResolved path line comments(first: 100) { nodes { author { login } body url } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""

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

    def all(self, repository: str, number: int) -> tuple[ReviewThread, ...]:
        asked = f"the review threads of {repository}#{number}"
        found: list[ReviewThread] = []
        after: str | None = None
        while True:
            node = pull_node(self._connection, _THREADS, repository, number, after=after)
            found += shaped(lambda body: [_thread(one) for one in body["reviewThreads"]["nodes"]], node, asked=asked)
            following = shaped(next_page, node, asked=asked)
            if following is None or following == after:
                return tuple(found)
            after = following

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


def _thread(node: Json) -> ReviewThread:
    nodes: list[Json] = node["comments"]["nodes"]
    return ReviewThread(
        thread_id=str(node["id"]),
        is_resolved=bool(node["isResolved"]),
        path=node.get("path"),
        line=node.get("line"),
        comments=tuple(
            ThreadComment(
                author=shapes.login_of(one.get("author")), body=str(one.get("body") or ""), url=str(one["url"])
            )
            for one in nodes
        ),
    )
