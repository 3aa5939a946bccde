"""GraphQL at /api/graphql: schema.graphql over the world. Answers are dicts; fields with arguments are functions in them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import graphql

from oneshot_dagster.local.forge import graph_checks, graph_queue
from oneshot_dagster.local.forge.auth import sees
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.graph_parts import Forbidden, Missing, actor, connection, refuse_without
from oneshot_dagster.local.forge.graph_threads import open_thread, reply, set_resolved, thread_shape
from oneshot_dagster.local.forge.records import Issue, Pull, Repository, Thread, User
from oneshot_dagster.local.forge.shapes.people import Json, stable_id
from oneshot_dagster.local.forge.standing import live

Info = graphql.GraphQLResolveInfo
Field = Callable[..., object]
Mutation = Callable[[Forge, User, Json], Json]


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
    kind = "NOT_FOUND" if isinstance(cause, Missing) else "FORBIDDEN" if isinstance(cause, Forbidden) else None
    shown = dict(error.formatted)
    if error.extensions:  # GitHub says the kind beside the message
        kind, shown = str(error.extensions.get("type")), {k: v for k, v in shown.items() if k != "extensions"}
    return {**shown, "type": kind} if kind else shown


def _root(forge: Forge, user: User) -> Json:
    def repository(_: Info, owner: str, name: str) -> Json:
        return _repository(forge, user, owner, name)

    return {
        "viewer": actor(forge.urls, user.login),
        "repository": repository,
        **{name: _mutation(forge, user, handler) for name, handler in _MUTATIONS.items()},
    }


def _mutation(forge: Forge, user: User, handler: Mutation) -> Field:
    def mutate(_: Info, input: Json) -> Json:  # noqa: A002 - GitHub's name
        return handler(forge, user, input)

    return mutate


def _resolve(forge: Forge, user: User, wanted: Json) -> Json:
    return set_resolved(forge, user, wanted, resolved_by=user.login)


def _unresolve(forge: Forge, user: User, wanted: Json) -> Json:
    return set_resolved(forge, user, wanted, resolved_by=None)


_MUTATIONS: dict[str, Mutation] = {
    "resolveReviewThread": _resolve,
    "unresolveReviewThread": _unresolve,
    "addPullRequestReviewThread": open_thread,
    "addPullRequestReviewThreadReply": reply,
    "enqueuePullRequest": graph_queue.enqueue,
    "dequeuePullRequest": graph_queue.dequeue,
}


def _repository(forge: Forge, user: User, owner: str, name: str) -> Json:
    repo = forge.world.repository(owner, name)
    if repo is None or not sees(repo, user):
        raise Missing(f"Could not resolve to a Repository with the name '{owner}/{name}'.")

    def pull_request(_: Info, number: int) -> Json:
        refuse_without(user, "pull_requests=read")
        pull = forge.world.pull(repo, number)
        if pull is None:
            raise Missing(f"Could not resolve to a PullRequest with the number of {number}.")
        return _pull(forge, repo, pull)

    def issue(_: Info, number: int) -> Json:
        refuse_without(user, "issues=read")
        found = forge.world.issue(repo, number)
        if found is None or forge.world.pull(repo, number) is not None:
            raise Missing(f"Could not resolve to an Issue with the number of {number}.")
        return _issue(forge, repo, found)

    def pull_requests(
        _: Info,
        first: int | None = None,
        baseRefName: str | None = None,  # noqa: N803 - GitHub's name
        orderBy: Json | None = None,  # noqa: N803 - GitHub's name
    ) -> Json:
        refuse_without(user, "pull_requests=read")
        rows = graph_checks.newest(forge, repo, baseRefName, first, orderBy)
        return connection([_pull(forge, repo, pull) for pull in rows], first, None)

    def ref(_: Info, qualifiedName: str) -> Json | None:  # noqa: N803 - GitHub's name
        refuse_without(user, "contents=read")
        return graph_checks.ref(forge, repo, qualifiedName)

    return {
        "id": f"R_{repo.id}",
        "name": repo.name,
        "nameWithOwner": repo.full_name,
        "issue": issue,
        "pullRequest": pull_request,
        "pullRequests": pull_requests,
        "ref": ref,
    }


def _issue(forge: Forge, repo: Repository, issue: Issue) -> Json:
    urls = forge.urls
    return {
        "id": f"I_{issue.id}",
        "number": issue.number,
        "title": issue.title,
        "body": issue.body,
        "url": f"{urls.page(repo)}/issues/{issue.number}",
        "closed": not issue.open,
        "author": actor(urls, issue.author),
        "editor": actor(urls, issue.editor) if issue.editor else None,
        "lastEditedAt": issue.edited_at,
    }


def _pull(forge: Forge, repo: Repository, pull: Pull) -> Json:
    entry = graph_queue.entry_of(forge, repo, pull)
    pull = forge.world.get(Pull, pull.id) or pull  # read after its entry, which goes last at a merge
    found = live(forge, repo, pull)
    issue = forge.world.issue(repo, pull.number)
    if issue is None:
        raise Missing(f"Could not resolve to a PullRequest with the number of {pull.number}.")
    urls = forge.urls

    def threads(_: Info, first: int | None = None, after: str | None = None) -> Json:
        rows = [t for t in forge.world.all(Thread, repo) if t.number == pull.number]
        return connection([thread_shape(forge, repo, t) for t in rows], first, after)

    def commits(_: Info, last: int | None = None) -> Json:
        return graph_checks.last_commits(forge, repo, pull, last)

    def labels(_: Info, first: int | None = None) -> Json:
        rows: list[Json] = [{"id": f"LA_{stable_id(name)}", "name": name} for name in issue.labels]
        return connection(rows, first, None)

    def reviews(_: Info, last: int | None = None) -> Json:
        return graph_checks.last_reviews(forge, repo, pull, last)

    return {
        "id": f"PR_{pull.id}",
        "number": pull.number,
        "title": issue.title,
        "body": issue.body,
        "url": f"{urls.page(repo)}/pull/{pull.number}",
        "state": "MERGED" if pull.merged_at else "OPEN" if issue.open else "CLOSED",
        "closed": not issue.open,
        "isDraft": pull.draft,
        "author": actor(urls, issue.author),
        "headRefName": pull.head_ref,
        "headRefOid": found.pull.head_sha,
        "baseRefName": pull.base_ref,
        "baseRefOid": found.pull.base_sha,
        "mergeable": {True: "MERGEABLE", False: "CONFLICTING", None: "UNKNOWN"}[found.mergeable],
        "mergeStateStatus": found.word.upper(),
        "merged": pull.merged_at is not None,
        "mergedAt": pull.merged_at,
        "mergedBy": actor(urls, pull.merged_by) if pull.merged_at and pull.merged_by else None,
        "mergeCommit": graph_checks.commit(forge, repo, pull.merge_sha) if pull.merge_sha else None,
        "isInMergeQueue": entry is not None,
        "isMergeQueueEnabled": graph_queue.enabled(forge, repo, pull),
        "mergeQueueEntry": entry,
        "reviewThreads": threads,
        "commits": commits,
        "labels": labels,
        "reviews": reviews,
    }
