"""Review threads in GraphQL: what they show, and the mutations that make, answer, resolve and reopen them."""

from dataclasses import replace

import graphql

from oneshot_dagster.local.forge.auth import may, sees
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.graph_parts import Forbidden, Missing, actor, connection, refuse_without
from oneshot_dagster.local.forge.permissions import refusal
from oneshot_dagster.local.forge.records import Pull, Record, Repository, ReviewComment, Thread, User
from oneshot_dagster.local.forge.shapes.people import Json, Urls
from oneshot_dagster.local.forge.standing import live
from oneshot_dagster.local.forge.world import now

Info = graphql.GraphQLResolveInfo


def thread_shape(forge: Forge, repo: Repository, thread: Thread) -> Json:
    def comments(_: Info, first: int | None = None, after: str | None = None) -> Json:
        rows = [c for c in forge.world.all(ReviewComment, repo) if c.thread == thread.id]
        return connection([_comment(forge.urls, repo, c, thread) for c in rows], first, after)

    return {
        "id": f"PRRT_{thread.id}",
        "isResolved": thread.resolved_by is not None,
        "isOutdated": thread.outdated,
        "path": thread.path,
        "line": thread.line,
        "originalLine": thread.original_line or thread.line,
        "resolvedBy": actor(forge.urls, thread.resolved_by) if thread.resolved_by else None,
        "comments": comments,
    }


def _comment(urls: Urls, repo: Repository, comment: ReviewComment, thread: Thread) -> Json:
    return {
        "id": f"PRRC_{comment.id}",
        "databaseId": comment.id,
        "author": actor(urls, comment.author),
        "body": comment.body,
        "path": thread.path,
        "createdAt": comment.created_at,
        "url": f"{urls.page(repo)}/pull/{comment.number}#discussion_r{comment.id}",
    }


def set_resolved(forge: Forge, user: User, wanted: Json, *, resolved_by: str | None) -> Json:
    thread, repo = _thread(forge, user, wanted["threadId"])
    if not may(repo, user.login, "write"):
        raise Forbidden(refusal(user))
    with forge.writing:
        changed = forge.world.put(replace(thread, resolved_by=resolved_by))
    return {"clientMutationId": wanted.get("clientMutationId"), "thread": thread_shape(forge, repo, changed)}


def reply(forge: Forge, user: User, wanted: Json) -> Json:
    thread, repo = _thread(forge, user, wanted["pullRequestReviewThreadId"])
    first = next(c for c in forge.world.all(ReviewComment, repo) if c.thread == thread.id)
    made = _say(forge, thread, user, str(wanted["body"]), first)
    return {
        "clientMutationId": wanted.get("clientMutationId"),
        "comment": _comment(forge.urls, repo, made, thread),
    }


def open_thread(forge: Forge, user: User, wanted: Json) -> Json:
    pull, repo = _pull(forge, user, wanted.get("pullRequestId"))
    line = wanted.get("line")
    number = line if isinstance(line, int) else None
    sha = live(forge, repo, pull).pull.head_sha
    with forge.writing:
        fresh = Thread(
            id=forge.world.next_id(),
            repository=repo.id,
            number=pull.number,
            path=str(wanted["path"]),
            line=number,
            original_line=number,
            sha=sha,
        )
        thread = forge.world.put(fresh)
        _say(forge, thread, user, str(wanted["body"]), None)
    return {"clientMutationId": wanted.get("clientMutationId"), "thread": thread_shape(forge, repo, thread)}


def _say(forge: Forge, thread: Thread, user: User, body: str, first: ReviewComment | None) -> ReviewComment:
    with forge.writing:
        return forge.world.put(
            ReviewComment(
                id=forge.world.next_id(),
                repository=thread.repository,
                number=thread.number,
                thread=thread.id,
                author=user.login,
                body=body,
                commit_sha=first.commit_sha if first else thread.sha,
                created_at=now(),
                in_reply_to=first.id if first else None,
            )
        )


def _thread(forge: Forge, user: User, node_id: object) -> tuple[Thread, Repository]:
    number = str(node_id).removeprefix("PRRT_")
    thread = forge.world.get(Thread, int(number)) if number.isdigit() else None
    if thread is None:
        raise Missing(f"Could not resolve to a node with the global id of '{node_id}'")
    return thread, _place(forge, user, thread, node_id)


def _pull(forge: Forge, user: User, node_id: object) -> tuple[Pull, Repository]:
    number = str(node_id).removeprefix("PR_")
    pull = forge.world.get(Pull, int(number)) if number.isdigit() else None
    if pull is None:
        raise Missing(f"Could not resolve to a node with the global id of '{node_id}'")
    return pull, _place(forge, user, pull, node_id)


def _place(forge: Forge, user: User, row: Record, node_id: object) -> Repository:
    repo = forge.world.get(Repository, row.repository)
    if repo is None or not sees(repo, user):
        raise Missing(f"Could not resolve to a node with the global id of '{node_id}'")
    refuse_without(user, "pull_requests=write")
    return repo
