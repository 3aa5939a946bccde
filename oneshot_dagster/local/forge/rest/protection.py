"""Routes: classic protection of branches, whole as GitHub takes and shows it."""

from collections.abc import Mapping
from dataclasses import replace

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.pushes import protection
from oneshot_dagster.local.forge.rule_records import Protection
from oneshot_dagster.local.forge.shapes import rules as shapes

_REQUIRED = ("required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions")


def _branch(call: Call) -> str:
    repo, name = call.repository, call.path["branch"]
    if call.forge.repos.head(call.forge.repos.path(repo.owner, repo.name), name) is None:
        raise Refusal(404, "Branch not found")
    return name


def _guard(call: Call) -> Protection:
    found = protection(call.forge, call.repository, _branch(call))
    if found is None:
        raise Refusal(404, "Branch not protected")
    return found


def get_protection(call: Call) -> Answer:
    return Answer(body=shapes.protection(call.urls, call.repository, _guard(call)))


def put_protection(call: Call) -> Answer:
    """Whole: what the body leaves out is off."""
    branch = _branch(call)
    for name in _REQUIRED:
        if name not in call.body:
            invalid(name, "missing_field")
    known = protection(call.forge, call.repository, branch)
    fresh = Protection(
        id=known.id if known else call.forge.world.next_id(),
        repository=call.repository.id,
        branch=branch,
        enforce_admins=call.body["enforce_admins"] is True,
        linear=_on(call, "required_linear_history"),
        force_pushes=_on(call, "allow_force_pushes"),
        deletions=_on(call, "allow_deletions"),
        resolved_threads=_on(call, "required_conversation_resolution"),
        locked=_on(call, "lock_branch"),
        signed=known.signed if known else False,
        merge_queue=known.merge_queue if known else False,
    )
    guard = call.forge.world.put(_with_restrictions(call, _with_reviews(call, _with_checks(call, fresh))))
    return Answer(body=shapes.protection(call.urls, call.repository, guard))


def _on(call: Call, name: str) -> bool:
    return call.body.get(name) is True


def _with_checks(call: Call, guard: Protection) -> Protection:
    """`checks` says the app too; -1 and absent are any app."""
    asked = call.mapping("required_status_checks")
    if asked is None:
        return guard
    named = [c for c in untyped.mappings(asked.get("checks")) if "context" in c]
    names = [*map(str, untyped.items(asked.get("contexts"))), *(str(c["context"]) for c in named)]
    apps = {str(c["context"]): c.get("app_id") for c in named}
    return replace(
        guard,
        contexts=tuple(dict.fromkeys(names)),
        apps={name: app for name, app in apps.items() if isinstance(app, int) and app > 0} if named else {},
        strict=asked.get("strict") is True,
    )


def _with_reviews(call: Call, guard: Protection) -> Protection:
    reviews: Mapping[str, object] | None = call.mapping("required_pull_request_reviews")
    if reviews is None:
        return guard
    count = reviews.get("required_approving_review_count", 1)
    if not isinstance(count, int) or not 0 <= count <= 6:
        invalid("required_approving_review_count", "invalid")
    return replace(
        guard,
        approvals=count,
        dismiss_stale=reviews.get("dismiss_stale_reviews") is True,
        code_owners=reviews.get("require_code_owner_reviews") is True,
        last_push=reviews.get("require_last_push_approval") is True,
    )


def _with_restrictions(call: Call, guard: Protection) -> Protection:
    who = call.mapping("restrictions")
    if who is None:
        return guard
    apps = [f"{slug}[bot]" for slug in untyped.items(who.get("apps"))]
    return replace(guard, pushers=(*map(str, untyped.items(who.get("users"))), *apps))


def delete_protection(call: Call) -> Answer:
    call.forge.world.drop(_guard(call))
    return Answer(status=204)


def get_checks(call: Call) -> Answer:
    guard = _guard(call)
    if guard.contexts is None:
        not_found()
    me = f"{call.urls.repository(call.repository)}/branches/{guard.branch}/protection"
    return Answer(body=shapes.required_checks(me, guard))


def set_signatures(call: Call) -> Answer:
    guard = call.forge.world.put(replace(_guard(call), signed=True))
    url = f"{call.urls.repository(call.repository)}/branches/{guard.branch}/protection/required_signatures"
    return Answer(body={"url": url, "enabled": True})


def drop_signatures(call: Call) -> Answer:
    call.forge.world.put(replace(_guard(call), signed=False))
    return Answer(status=204)


_GUARD = "/repos/{owner}/{repo}/branches/{branch:path}/protection"
ENDPOINTS = (
    Endpoint(method="GET", pattern=_GUARD + "/required_status_checks", handler=get_checks, needs="write"),
    Endpoint(method="POST", pattern=_GUARD + "/required_signatures", handler=set_signatures, needs="admin"),
    Endpoint(method="DELETE", pattern=_GUARD + "/required_signatures", handler=drop_signatures, needs="admin"),
    Endpoint(method="GET", pattern=_GUARD, handler=get_protection, needs="write"),
    Endpoint(method="PUT", pattern=_GUARD, handler=put_protection, needs="admin"),
    Endpoint(method="DELETE", pattern=_GUARD, handler=delete_protection, needs="admin"),
)
