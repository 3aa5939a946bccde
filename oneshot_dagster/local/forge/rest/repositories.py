"""Routes: who I am, repositories, collaborators, branches, refs, protection, rules."""

from dataclasses import replace

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.auth import permission
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.pushes import after_push, protection
from oneshot_dagster.local.forge.records import Issue, Protection, Ruleset
from oneshot_dagster.local.forge.shapes import branches as shapes
from oneshot_dagster.local.forge.shapes import people
from oneshot_dagster.local.forge.shapes.repositories import full


def me(call: Call) -> Answer:
    return Answer(body=people.public_user(call.urls, call.user))


def get_user(call: Call) -> Answer:
    user = call.forge.world.user(call.path["login"]) or not_found()
    return Answer(body=people.public_user(call.urls, user))


def get_repository(call: Call) -> Answer:
    repo = call.repository
    count = sum(i.open for i in call.forge.world.all(Issue, repo))
    held = permission(repo, call.user.login)
    return Answer(body=full(call.urls, repo, open_issues=count, permission=held))


def get_permission(call: Call) -> Answer:
    login = call.path["login"]
    if call.forge.world.user(login) is None:
        not_found()
    return Answer(body=people.collaborator(call.urls, login, permission(call.repository, login)))


def list_branches(call: Call) -> Answer:
    repo, world = call.repository, call.forge.world
    guarded = {p.branch for p in world.all(Protection, repo)}
    found = call.forge.repos.branches(call.forge.repos.path(repo.owner, repo.name))
    shown = [shapes.short_branch(call.urls, repo, n, sha, protected=n in guarded) for n, sha in found.items()]
    return call.page(shown)


def get_branch(call: Call) -> Answer:
    name = call.path["branch"]
    sha, repo = _head(call, name), call.repository
    facts = call.forge.repos.facts(call.forge.repos.path(repo.owner, repo.name), sha)
    guard = protection(call.forge, repo, name)
    return Answer(body=shapes.branch(call.urls, repo, name, sha, facts, guard))


def get_ref(call: Call) -> Answer:
    name = call.path["branch"]
    return Answer(body=shapes.ref(call.urls, call.repository, name, _head(call, name)))


def delete_ref(call: Call) -> Answer:
    name, repo = call.path["branch"], call.repository
    if protection(call.forge, repo, name):
        raise Refusal(422, "Cannot delete this protected branch")
    path = call.forge.repos.path(repo.owner, repo.name)
    if call.forge.repos.head(path, name) is None:
        raise Refusal(422, "Reference does not exist")
    call.forge.repos.delete(path, name)
    after_push(call.forge, repo, call.user.login)
    return Answer(status=204)


def _head(call: Call, branch: str) -> str:
    repo = call.repository
    return call.forge.repos.head(call.forge.repos.path(repo.owner, repo.name), branch) or not_found()


def get_protection(call: Call) -> Answer:
    _head(call, call.path["branch"])
    guard = protection(call.forge, call.repository, call.path["branch"])
    if guard is None:
        raise Refusal(404, "Branch not protected")
    return Answer(body=shapes.protection(call.urls, call.repository, guard))


def put_protection(call: Call) -> Answer:
    branch = call.path["branch"]
    _head(call, branch)
    missing = {"required_status_checks", "required_pull_request_reviews"} - set(call.body)
    if missing:
        invalid(min(missing), "missing_field")
    known = protection(call.forge, call.repository, branch)
    fresh = Protection(
        id=known.id if known else call.forge.world.next_id(), repository=call.repository.id, branch=branch
    )
    guard = call.forge.world.put(_with_reviews(call, _with_checks(call, fresh)))
    return Answer(body=shapes.protection(call.urls, call.repository, guard))


def _with_checks(call: Call, guard: Protection) -> Protection:
    checks = call.mapping("required_status_checks")
    if checks is None:
        return guard
    names = [str(c) for c in untyped.sequence(checks.get("contexts")) or ()]
    named = [untyped.mapping(c) for c in untyped.sequence(checks.get("checks")) or ()]
    names += [str(c["context"]) for c in named if c and "context" in c]
    return replace(guard, contexts=tuple(dict.fromkeys(names)), strict=checks.get("strict") is True)


def _with_reviews(call: Call, guard: Protection) -> Protection:
    guard = replace(guard, resolved_threads=call.body.get("required_conversation_resolution") is True)
    reviews = call.mapping("required_pull_request_reviews")
    if reviews is None:
        return guard
    count = reviews.get("required_approving_review_count", 1)
    if not isinstance(count, int) or not 0 <= count <= 6:
        invalid("required_approving_review_count", "invalid")
    return replace(guard, approvals=count, dismiss_stale=reviews.get("dismiss_stale_reviews") is True)


def delete_protection(call: Call) -> Answer:
    guard = protection(call.forge, call.repository, call.path["branch"])
    if guard is None:
        raise Refusal(404, "Branch not protected")
    call.forge.world.drop(guard)
    return Answer(status=204)


def branch_rules(call: Call) -> Answer:
    rules = [r for r in call.forge.world.all(Ruleset, call.repository) if r.branch == call.path["branch"]]
    return call.page([shapes.rule(call.repository, r) for r in rules])


_REPO = "/repos/{owner}/{repo}"
ENDPOINTS = (
    Endpoint(method="GET", pattern="/user", handler=me, needs=""),
    Endpoint(method="GET", pattern="/users/{login}", handler=get_user, needs=""),
    Endpoint(method="GET", pattern=_REPO, handler=get_repository),
    Endpoint(method="GET", pattern=_REPO + "/collaborators/{login}/permission", handler=get_permission),
    Endpoint(method="GET", pattern=_REPO + "/branches", handler=list_branches),
    Endpoint(method="GET", pattern=_REPO + "/branches/{branch:path}/protection", handler=get_protection, needs="write"),
    Endpoint(method="PUT", pattern=_REPO + "/branches/{branch:path}/protection", handler=put_protection, needs="admin"),
    Endpoint(
        method="DELETE", pattern=_REPO + "/branches/{branch:path}/protection", handler=delete_protection, needs="admin"
    ),
    Endpoint(method="GET", pattern=_REPO + "/branches/{branch:path}", handler=get_branch),
    Endpoint(method="GET", pattern=_REPO + "/rules/branches/{branch:path}", handler=branch_rules),
    Endpoint(method="GET", pattern=_REPO + "/git/ref/heads/{branch:path}", handler=get_ref),
    Endpoint(method="DELETE", pattern=_REPO + "/git/refs/heads/{branch:path}", handler=delete_ref, needs="write"),
)
