"""GraphQL's way from a repository to what CI said: commits of a branch and of pull requests, and their rollups of checks and statuses."""

from collections.abc import Sequence

import graphql

from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.graph_parts import actor
from oneshot_dagster.local.forge.mergeability import latest_checks, latest_statuses
from oneshot_dagster.local.forge.records import CheckRun, CommitStatus, Pull, Repository, Review
from oneshot_dagster.local.forge.shapes.people import Json, app

Info = graphql.GraphQLResolveInfo
_HEADS = "refs/heads/"


def commit(forge: Forge, repo: Repository, sha: str) -> Json:
    path = forge.repos.path(repo.owner, repo.name)

    def history(_: Info, first: int | None = None) -> Json:
        shas = forge.repos.ask(path, "rev-list", f"--max-count={_bound(first)}", sha).split()
        return _connection([commit(forge, repo, one) for one in shas])

    def rollup(_: Info) -> Json | None:
        return _rollup(forge, repo, sha)

    return {
        "__typename": "Commit",
        "id": f"C_{sha}",
        "oid": sha,
        "messageHeadline": forge.repos.facts(path, sha).message.split("\n", 1)[0],
        "statusCheckRollup": rollup,
        "history": history,
    }


def ref(forge: Forge, repo: Repository, name: str) -> Json | None:
    branch = name.removeprefix(_HEADS)
    sha = forge.repos.head(forge.repos.path(repo.owner, repo.name), branch)
    if sha is None:
        return None
    return {"id": f"REF_{branch}", "name": branch, "prefix": _HEADS, "target": commit(forge, repo, sha)}


def newest(forge: Forge, repo: Repository, base: str | None, first: int | None, order: Json | None) -> list[Pull]:
    """GitHub's own order is the oldest first; of others only by creation is known here."""
    rows = [pull for pull in forge.world.all(Pull, repo) if base in {None, pull.base_ref}]
    if order and order.get("field") != "CREATED_AT":
        raise graphql.GraphQLError(f"this forge does not order pull requests by {order.get('field')}")
    rows.sort(key=lambda pull: pull.number, reverse=bool(order) and order.get("direction") == "DESC")
    return rows[: _bound(first)]


def last_commits(forge: Forge, repo: Repository, pull: Pull, last: int | None) -> Json:
    """The head alone: what lies between it and the base is git's to tell."""
    if last != 1:
        raise graphql.GraphQLError("this forge tells a pull request's last commit only")
    head = forge.repos.head(forge.repos.path(repo.owner, repo.name), pull.head_ref)
    sha = pull.head_sha if pull.merged_at or head is None else head
    return _connection([{"id": f"PRC_{pull.id}_{sha}", "commit": commit(forge, repo, sha)}])


def last_reviews(forge: Forge, repo: Repository, pull: Pull, last: int | None) -> Json:
    """Oldest first, as GitHub lists them."""
    rows = sorted((r for r in forge.world.all(Review, repo) if r.number == pull.number), key=lambda r: r.id)
    return _connection([_review(forge, repo, row) for row in rows[-_bound(last) :]], total=len(rows))


def _review(forge: Forge, repo: Repository, review: Review) -> Json:
    return {
        "id": f"PRR_{review.id}",
        "state": review.state,
        "author": actor(forge.urls, review.author),
        "commit": commit(forge, repo, review.commit_sha),
    }


def _rollup(forge: Forge, repo: Repository, sha: str) -> Json | None:
    """None where nothing reported."""
    checks = latest_checks([c for c in forge.world.all(CheckRun, repo) if c.head_sha == sha])
    statuses = latest_statuses([s for s in forge.world.all(CommitStatus, repo) if s.sha == sha])
    nodes = [*(_check(forge, check) for check in checks), *(_status(status) for status in statuses)]
    if not nodes:
        return None

    def contexts(_: Info, first: int | None = None) -> Json:
        return _connection(nodes[: _bound(first)], total=len(nodes))

    return {"id": f"SCR_{sha}", "contexts": contexts}


def _check(forge: Forge, check: CheckRun) -> Json:
    shown = app(forge.urls, check.app)
    suite = {"id": f"CS_{check.app}_{check.head_sha}", "app": {"databaseId": shown["id"], "slug": shown["slug"]}}
    return {
        "__typename": "CheckRun",
        "id": f"CR_{check.id}",
        "name": check.name,
        "status": check.status.upper(),
        "conclusion": check.conclusion.upper() if check.conclusion else None,
        "checkSuite": suite,
    }


def _status(status: CommitStatus) -> Json:
    return {
        "__typename": "StatusContext",
        "id": f"SC_{status.id}",
        "context": status.context,
        "state": status.state.upper(),
    }


def _connection(nodes: Sequence[Json], *, total: int | None = None) -> Json:
    more = total is not None and total > len(nodes)
    page = {"startCursor": None, "endCursor": None, "hasNextPage": more, "hasPreviousPage": False}
    return {"nodes": nodes, "totalCount": len(nodes) if total is None else total, "pageInfo": page}


def _bound(first: int | None) -> int:
    if first is None or not 1 <= first <= 100:
        raise graphql.GraphQLError("`first` on a connection must be between 1 and 100.")
    return first
