"""The merge queue in GraphQL: a pull request's entry, and the mutations that put it in and take it out."""

import graphql

from oneshot_dagster.local.forge import background, merge_queue
from oneshot_dagster.local.forge.auth import may, sees
from oneshot_dagster.local.forge.calls import Refusal
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.graph_parts import Forbidden, Missing, actor, refuse_without
from oneshot_dagster.local.forge.permissions import refusal
from oneshot_dagster.local.forge.records import Pull, Repository, User
from oneshot_dagster.local.forge.rule_records import QueueEntry
from oneshot_dagster.local.forge.shapes.people import Json


def entry_shape(forge: Forge, repo: Repository, row: QueueEntry) -> Json:
    numbers = [e.number for e in merge_queue.entries(forge, repo, row.base_ref)]
    return {
        "id": f"MQE_{row.id}",
        "position": numbers.index(row.number) + 1 if row.number in numbers else 0,
        "state": "AWAITING_CHECKS" if row.group_sha else "QUEUED",
        "enqueuedAt": row.enqueued_at,
        "enqueuer": actor(forge.urls, row.enqueuer),
    }


def entry_of(forge: Forge, repo: Repository, pull: Pull) -> Json | None:
    row = merge_queue.entry(forge, repo, pull.number)
    return entry_shape(forge, repo, row) if row else None


def enabled(forge: Forge, repo: Repository, pull: Pull) -> bool:
    return merge_queue.settings(forge, repo, pull.base_ref) is not None


def enqueue(forge: Forge, user: User, wanted: Json) -> Json:
    pull, repo = _pull(forge, user, wanted["pullRequestId"])
    expected = wanted.get("expectedHeadOid")
    try:
        with forge.writing:
            row = merge_queue.enqueue(forge, repo, pull, user.login, expected=str(expected) if expected else None)
    except Refusal as refused:
        raise graphql.GraphQLError(refused.message, extensions={"type": "UNPROCESSABLE"}) from refused
    shown = entry_shape(forge, repo, row)
    background.wake(forge)
    return {"clientMutationId": wanted.get("clientMutationId"), "mergeQueueEntry": shown}


def dequeue(forge: Forge, user: User, wanted: Json) -> Json:
    pull, repo = _pull(forge, user, wanted["id"])
    with forge.writing:
        row = merge_queue.entry(forge, repo, pull.number)
        if row is None:
            raise graphql.GraphQLError("Pull request is not in the merge queue")
        shown = entry_shape(forge, repo, row)
        merge_queue.dequeue(forge, repo, row, user.login)
    return {"clientMutationId": wanted.get("clientMutationId"), "mergeQueueEntry": shown}


def _pull(forge: Forge, user: User, node_id: object) -> tuple[Pull, Repository]:
    number = str(node_id).removeprefix("PR_")
    pull = forge.world.get(Pull, int(number)) if number.isdigit() else None
    repo = forge.world.get(Repository, pull.repository) if pull else None
    if pull is None or repo is None or not sees(repo, user):
        raise Missing(f"Could not resolve to a node with the global id of '{node_id}'")
    refuse_without(user, "pull_requests=write")
    if not may(repo, user.login, "write"):
        raise Forbidden(refusal(user))
    return pull, repo
