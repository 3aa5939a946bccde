"""GraphQL at /api/graphql: schema.graphql over the world. Answers are dicts; fields with arguments are functions in them."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import graphql

from oneshot_dagster.local.forge import graph_checks
from oneshot_dagster.local.forge.auth import may, sees
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.permissions import holds, refusal
from oneshot_dagster.local.forge.records import Pull, Repository, ReviewComment, Thread, User
from oneshot_dagster.local.forge.shapes.people import Json, Urls, stable_id
from oneshot_dagster.local.forge.standing import live

Info = graphql.GraphQLResolveInfo
Field = Callable[..., object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    query: str
    variables: dict[str, object] | None
    user: User


def answer(forge: Forge, question: Question) -> Json:
    """Always an HTTP 200: GraphQL's errors are in the body."""
    root = _root(forge, question.user)
    done = graphql.graphql_sync(_schema(), question.query, root_value=root, variable_values=question.variables)
    shown: Json = {"data": done.data}
    return shown | ({"errors": [_error(e) for e in done.errors]} if done.errors else {})


def asks_for_files(query: str) -> bool:
    """Whether any selection is named `files`; a query that cannot be read asks for nothing."""
    try:
        document = graphql.parse(query)
    except graphql.GraphQLError:
        return False
    finder = _FilesFinder()
    graphql.visit(document, finder)
    return finder.found


class _FilesFinder(graphql.Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_field(self, node: graphql.FieldNode, *_: object) -> None:
        self.found = self.found or node.name.value == "files"


class _Missing(graphql.GraphQLError):
    """GitHub's NOT_FOUND."""


class _Forbidden(graphql.GraphQLError):
    """GitHub's FORBIDDEN."""


@cache
def _schema() -> graphql.GraphQLSchema:
    schema = graphql.build_schema(files("oneshot_dagster.local.forge").joinpath("schema.graphql").read_text())
    actor = schema.type_map["Actor"]
    if isinstance(actor, graphql.GraphQLInterfaceType):
        actor.resolve_type = _always_user
    return schema


def _always_user(*_: object) -> str:
    return "User"


def _error(error: graphql.GraphQLError) -> Json:
    cause = error.original_error or error
    kind = "NOT_FOUND" if isinstance(cause, _Missing) else "FORBIDDEN" if isinstance(cause, _Forbidden) else None
    shown = dict(error.formatted)
    return {**shown, "type": kind} if kind else shown


def _root(forge: Forge, user: User) -> Json:
    def repository(_: Info, owner: str, name: str) -> Json:
        return _repository(forge, user, owner, name)

    def resolve(_: Info, input: Json) -> Json:  # noqa: A002 - GitHub's name
        return _set_resolved(forge, user, input, resolved_by=user.login)

    def unresolve(_: Info, input: Json) -> Json:  # noqa: A002 - GitHub's name
        return _set_resolved(forge, user, input, resolved_by=None)

    return {
        "viewer": _actor(forge.urls, user.login),
        "repository": repository,
        "resolveReviewThread": resolve,
        "unresolveReviewThread": unresolve,
    }


def _actor(urls: Urls, login: str) -> Json:
    return {"id": f"U_{stable_id(login)}", "login": login, "url": f"{urls.site}/{login}"}


def _repository(forge: Forge, user: User, owner: str, name: str) -> Json:
    repo = forge.world.repository(owner, name)
    if repo is None or not sees(repo, user):
        raise _Missing(f"Could not resolve to a Repository with the name '{owner}/{name}'.")

    def pull_request(_: Info, number: int) -> Json:
        _refuse_without(user, "pull_requests=read")
        pull = forge.world.pull(repo, number)
        if pull is None:
            raise _Missing(f"Could not resolve to a PullRequest with the number of {number}.")
        return _pull(forge, repo, pull)

    def pull_requests(
        _: Info,
        first: int | None = None,
        baseRefName: str | None = None,  # noqa: N803 - GitHub's name
        orderBy: Json | None = None,  # noqa: N803 - GitHub's name
    ) -> Json:
        _refuse_without(user, "pull_requests=read")
        rows = graph_checks.newest(forge, repo, baseRefName, first, orderBy)
        return _connection([_pull(forge, repo, pull) for pull in rows], first, None)

    def ref(_: Info, qualifiedName: str) -> Json | None:  # noqa: N803 - GitHub's name
        _refuse_without(user, "contents=read")
        return graph_checks.ref(forge, repo, qualifiedName)

    return {
        "id": f"R_{repo.id}",
        "name": repo.name,
        "nameWithOwner": repo.full_name,
        "pullRequest": pull_request,
        "pullRequests": pull_requests,
        "ref": ref,
    }


def _refuse_without(user: User, accepted: str) -> None:
    if not holds(user, accepted):
        raise _Forbidden(refusal(user))


def _pull(forge: Forge, repo: Repository, pull: Pull) -> Json:
    found = live(forge, repo, pull)
    issue = forge.world.issue(repo, pull.number)
    if issue is None:
        raise _Missing(f"Could not resolve to a PullRequest with the number of {pull.number}.")
    urls = forge.urls

    def threads(_: Info, first: int | None = None, after: str | None = None) -> Json:
        rows = [t for t in forge.world.all(Thread, repo) if t.number == pull.number]
        return _connection([_thread(forge, repo, t) for t in rows], first, after)

    def commits(_: Info, last: int | None = None) -> Json:
        return graph_checks.last_commits(forge, repo, pull, last)

    return {
        "id": f"PR_{pull.id}",
        "number": pull.number,
        "title": issue.title,
        "body": issue.body,
        "url": f"{urls.page(repo)}/pull/{pull.number}",
        "state": "MERGED" if pull.merged_at else "OPEN" if issue.open else "CLOSED",
        "closed": not issue.open,
        "isDraft": pull.draft,
        "author": _actor(urls, issue.author),
        "headRefName": pull.head_ref,
        "headRefOid": found.pull.head_sha,
        "baseRefName": pull.base_ref,
        "baseRefOid": found.pull.base_sha,
        "mergeable": {True: "MERGEABLE", False: "CONFLICTING", None: "UNKNOWN"}[found.mergeable],
        "mergeStateStatus": found.word.upper(),
        "merged": pull.merged_at is not None,
        "mergedAt": pull.merged_at,
        "mergedBy": _actor(urls, pull.merged_by) if pull.merged_at and pull.merged_by else None,
        "mergeCommit": graph_checks.commit(forge, repo, pull.merge_sha) if pull.merge_sha else None,
        "reviewThreads": threads,
        "commits": commits,
    }


def _thread(forge: Forge, repo: Repository, thread: Thread) -> Json:
    def comments(_: Info, first: int | None = None, after: str | None = None) -> Json:
        rows = [c for c in forge.world.all(ReviewComment, repo) if c.thread == thread.id]
        return _connection([_comment(forge.urls, repo, c, thread) for c in rows], first, after)

    return {
        "id": f"PRRT_{thread.id}",
        "isResolved": thread.resolved_by is not None,
        "isOutdated": False,
        "path": thread.path,
        "line": thread.line,
        "resolvedBy": _actor(forge.urls, thread.resolved_by) if thread.resolved_by else None,
        "comments": comments,
    }


def _comment(urls: Urls, repo: Repository, comment: ReviewComment, thread: Thread) -> Json:
    return {
        "id": f"PRRC_{comment.id}",
        "databaseId": comment.id,
        "author": _actor(urls, comment.author),
        "body": comment.body,
        "path": thread.path,
        "createdAt": comment.created_at,
        "url": f"{urls.page(repo)}/pull/{comment.number}#discussion_r{comment.id}",
    }


def _connection(rows: Sequence[Json], first: int | None, after: str | None) -> Json:
    """GitHub demands `first` and takes at most 100; the cursor is the place of the row before."""
    if first is None or not 1 <= first <= 100:
        raise graphql.GraphQLError("`first` on a connection must be between 1 and 100.")
    start = int(base64.b64decode(after)) if after else 0
    shown = rows[start : start + first]
    end = start + len(shown)
    return {
        "nodes": shown,
        "totalCount": len(rows),
        "pageInfo": {
            "startCursor": _cursor(start),
            "endCursor": _cursor(end) if shown else None,
            "hasNextPage": end < len(rows),
            "hasPreviousPage": start > 0,
        },
    }


def _cursor(place: int) -> str:
    return base64.b64encode(str(place).encode()).decode()


def _set_resolved(forge: Forge, user: User, wanted: Json, *, resolved_by: str | None) -> Json:
    number = str(wanted["threadId"]).removeprefix("PRRT_")
    thread = forge.world.get(Thread, int(number)) if number.isdigit() else None
    repo = forge.world.get(Repository, thread.repository) if thread else None
    if thread is None or repo is None or not sees(repo, user):
        raise _Missing(f"Could not resolve to a node with the global id of '{wanted['threadId']}'")
    _refuse_without(user, "pull_requests=write")
    if not may(repo, user.login, "write"):
        raise _Forbidden(refusal(user))
    with forge.writing:
        changed = forge.world.put(replace(thread, resolved_by=resolved_by))
    return {"clientMutationId": wanted.get("clientMutationId"), "thread": _thread(forge, repo, changed)}
