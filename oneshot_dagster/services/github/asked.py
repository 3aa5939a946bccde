"""Where people may have asked something of us: labelled issues, issues that changed, comments. A call a page, each repeated cheaply.
In the order in which they were made, which does not change while pages are read, so that none is left out."""

from datetime import UTC, datetime

from oneshot_dagster.services.github import shapes
from oneshot_dagster.services.github.answers import part, read, shaped
from oneshot_dagster.services.github.connection import Connection
from oneshot_dagster.services.github.protocol import Comment, Edit, Issue

_AS_MADE: dict[str, str | int] = {"sort": "created", "direction": "asc"}

_EDITED = """
query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { issue(number: $number) { lastEditedAt editor { login } } }
}
"""


class Asked:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last_edit(self, repository: str, number: int) -> Edit | None:
        owner, name = repository.split("/")
        variables: dict[str, object] = {"owner": owner, "name": name, "number": number}
        data = self._connection.graph(_EDITED, variables, repository=repository)
        issue = part(part(data or {}, "repository"), "issue")
        return shaped(shapes.edit, issue, asked=f"the last edit of {repository}#{number}") if issue else None

    def labelled(self, repository: str, label: str) -> tuple[Issue, ...]:
        return self._issues(repository, {"state": "open", "labels": label})

    def issues(self, repository: str, since: datetime) -> tuple[Issue, ...]:
        return self._issues(repository, {"state": "all", "since": _stamp(since)})

    def comments(self, repository: str, since: datetime) -> tuple[Comment, ...]:
        found: list[Comment] = []
        params = {**_AS_MADE, "since": _stamp(since)}
        for answer in self._connection.pages(f"/repos/{repository}/issues/comments", params=params):
            found += read(lambda page: [shapes.comment(one) for one in page], answer)
        return tuple(found)

    def _issues(self, repository: str, params: dict[str, str | int]) -> tuple[Issue, ...]:
        found: list[Issue] = []
        for answer in self._connection.pages(f"/repos/{repository}/issues", params={**_AS_MADE, **params}):
            found += read(lambda page: [shapes.issue(one) for one in page], answer)
        return tuple(issue for issue in found if not issue.is_pull_request)


def _stamp(moment: datetime) -> str:
    """As GitHub writes it, whole seconds: the one that has begun is read again."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
