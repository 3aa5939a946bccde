"""Routes: who I am, repositories and their settings, collaborators, branches, refs."""

from dataclasses import replace

from oneshot_dagster.local.forge.apps import bot, by_slug
from oneshot_dagster.local.forge.auth import permission
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.guards import guards, push_guards
from oneshot_dagster.local.forge.pushes import after_push, protection
from oneshot_dagster.local.forge.records import Issue, Repository
from oneshot_dagster.local.forge.rules import covers
from oneshot_dagster.local.forge.shapes import branches as shapes
from oneshot_dagster.local.forge.shapes import people
from oneshot_dagster.local.forge.shapes.repositories import full


def me(call: Call) -> Answer:
    return Answer(body=people.public_user(call.urls, call.user))


def get_user(call: Call) -> Answer:
    world, login = call.forge.world, call.path["login"]
    app = by_slug(world, login.removesuffix("[bot]")) if login.endswith("[bot]") else None
    user = bot(app) if app else world.user(login) or not_found()
    return Answer(body=people.public_user(call.urls, user))


def get_repository(call: Call) -> Answer:
    repo = call.repository
    count = sum(i.open for i in call.forge.world.all(Issue, repo))
    held = permission(repo, call.user.login)
    return Answer(body=full(call.urls, repo, open_issues=count, permission=held))


_SWITCHES = frozenset(
    {
        "private",
        "archived",
        "allow_squash_merge",
        "allow_merge_commit",
        "allow_rebase_merge",
        "allow_auto_merge",
        "allow_update_branch",
        "delete_branch_on_merge",
    }
)


def patch_repository(call: Call) -> Answer:
    """Its switches and its default branch. One way to merge must stay allowed."""
    switches = {name: bool(value) for name, value in call.body.items() if name in _SWITCHES}
    branch = call.text("default_branch", call.repository.default_branch)
    if branch != call.repository.default_branch:
        _head(call, branch)
    changed: Repository = replace(call.repository, default_branch=branch, **switches)
    if not (changed.allow_squash_merge or changed.allow_merge_commit or changed.allow_rebase_merge):
        invalid("merge_commit_allowed", "custom", "Sorry, you need to allow at least one merge strategy.")
    call.forge.world.put(changed)
    return get_repository(replace(call, place=changed))


def get_permission(call: Call) -> Answer:
    login = call.path["login"]
    if login.endswith("[bot]"):
        raise Refusal(404, f"{login} is not a user")
    if call.forge.world.user(login) is None:
        not_found()
    return Answer(body=people.collaborator(call.urls, login, permission(call.repository, login)))


def list_branches(call: Call) -> Answer:
    repo, world = call.repository, call.forge.world
    found = call.forge.repos.branches(call.forge.repos.path(repo.owner, repo.name))
    shown = [
        shapes.short_branch(call.urls, repo, name, sha, protected=bool(guards(world, repo, name)))
        for name, sha in found.items()
    ]
    return call.page(shown)


def get_branch(call: Call) -> Answer:
    name = call.path["branch"]
    sha, repo = _head(call, name), call.repository
    facts = call.forge.repos.facts(call.forge.repos.path(repo.owner, repo.name), sha)
    guard = protection(call.forge, repo, name)
    protected = bool(guard or guards(call.forge.world, repo, name))
    return Answer(body=shapes.branch(call.urls, repo, name, sha, facts, guard, protected=protected))


def get_ref(call: Call) -> Answer:
    name = call.path["branch"]
    return Answer(body=shapes.ref(call.urls, call.repository, name, _head(call, name)))


def delete_ref(call: Call) -> Answer:
    name, repo = call.path["branch"], call.repository
    guarding = [
        g
        for g in push_guards(call.forge.world, repo, call.user.login)
        if covers(g, f"refs/heads/{name}", repo.default_branch)
    ]
    kept = [g for g in guarding if any(r.type in {"deletion", "lock"} for r in g.rules)]
    if kept:
        classic = any(g.classic for g in kept)
        violations = "Repository rule violations found\n\nCannot delete this branch\n\n"
        raise Refusal(422, "Cannot delete this protected branch" if classic else violations)
    path = call.forge.repos.path(repo.owner, repo.name)
    if call.forge.repos.head(path, name) is None:
        raise Refusal(422, "Reference does not exist")
    call.forge.repos.delete(path, name)
    after_push(call.forge, repo, call.user.login)
    return Answer(status=204)


def _head(call: Call, branch: str) -> str:
    repo = call.repository
    return call.forge.repos.head(call.forge.repos.path(repo.owner, repo.name), branch) or not_found()


_REPO = "/repos/{owner}/{repo}"
ENDPOINTS = (
    Endpoint(method="GET", pattern="/user", handler=me, needs=""),
    Endpoint(method="GET", pattern="/users/{login}", handler=get_user, needs=""),
    Endpoint(method="GET", pattern=_REPO, handler=get_repository),
    Endpoint(method="PATCH", pattern=_REPO, handler=patch_repository, needs="admin"),
    Endpoint(method="GET", pattern=_REPO + "/collaborators/{login}/permission", handler=get_permission),
    Endpoint(method="GET", pattern=_REPO + "/branches", handler=list_branches),
    Endpoint(method="GET", pattern=_REPO + "/branches/{branch:path}", handler=get_branch),
    Endpoint(method="GET", pattern=_REPO + "/git/ref/heads/{branch:path}", handler=get_ref),
    Endpoint(method="DELETE", pattern=_REPO + "/git/refs/heads/{branch:path}", handler=delete_ref, needs="write"),
)
