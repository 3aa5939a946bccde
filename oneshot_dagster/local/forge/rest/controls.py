"""Routes under /_forge/, which GitHub does not have: for tests, the demo and people who set up a world.
They ask for an admin of the forge, not of a repository."""

from collections.abc import Mapping
from dataclasses import asdict

from oneshot_dagster.local.forge.apps import levels, settle
from oneshot_dagster.local.forge.auth import enrol, grant
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid
from oneshot_dagster.local.forge.config import PERMISSIONS, Person
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import Repository, Violation
from oneshot_dagster.local.forge.repos import is_branch
from oneshot_dagster.local.forge.shapes.people import public_user
from oneshot_dagster.local.forge.shapes.repositories import repository
from oneshot_dagster.local.forge.world import now


def admin(call: Call) -> None:
    if not call.user.admin:
        raise Refusal(403, "only an admin of the forge may use /_forge/")


def create_repository(call: Call) -> Answer:
    """Idempotent by name: 200 where it exists. Its content comes by a push."""
    admin(call)
    owner, _, name = call.text("full_name").partition("/")
    branch = call.text("default_branch", "main")
    known = call.forge.world.repository(owner, name)
    if known:
        return Answer(body=repository(call.urls, known))
    if not is_branch(branch):
        invalid("default_branch", "invalid")
    try:
        call.forge.repos.create(owner, name, branch)
    except ValueError as e:
        invalid("full_name", "invalid", str(e))
    made = Repository(
        id=call.forge.world.next_id(),
        owner=owner,
        name=name,
        default_branch=branch,
        created_at=now(),
        pushed_at=now(),
        permissions={call.user.login: "admin", owner: "admin"},
    )
    made = call.forge.world.put(made)
    people = [p for p in call.forge.config.people if p.login not in {call.user.login, owner}]
    for person in people:
        grant(call.forge.world, made, person)
    settle(call.forge.world)
    return Answer(status=201, body=repository(call.urls, made))


def put_user(call: Call) -> Answer:
    """Adds a person, or replaces the token and adds to the permissions of one."""
    admin(call)
    permissions: Mapping[str, object] = call.mapping("permissions") or {}
    if not all(level in PERMISSIONS for level in permissions.values()):
        invalid("permissions", "invalid")
    fine = call.body.get("token_permissions")
    if fine is not None and levels(fine) is None:
        invalid("token_permissions", "invalid")
    person = Person(
        login=call.path["login"],
        token=call.text("token"),
        admin=call.body.get("admin") is True,
        permissions={name: str(level) for name, level in permissions.items()},
        token_permissions=levels(fine),
    )
    return Answer(body=public_user(call.urls, enrol(call.forge.world, person)))


def requests(call: Call) -> Answer:
    admin(call)
    return Answer(body=[asdict(r) for r in call.forge.log.all()])


def clear_requests(call: Call) -> Answer:
    admin(call)
    call.forge.log.clear()
    return Answer(status=204)


def violations(call: Call) -> Answer:
    admin(call)
    return Answer(body=[asdict(v) for v in call.forge.world.all(Violation)])


def record_violation(forge: Forge, *, method: str, target: str, login: str | None, reason: str) -> Violation:
    violation = Violation(id=forge.world.next_id(), method=method, target=target, login=login, at=now(), reason=reason)
    return forge.world.put(violation)


ENDPOINTS = (
    Endpoint(method="POST", pattern="/_forge/repositories", handler=create_repository, needs=""),
    Endpoint(method="PUT", pattern="/_forge/users/{login}", handler=put_user, needs=""),
    Endpoint(method="GET", pattern="/_forge/requests", handler=requests, needs=""),
    Endpoint(method="DELETE", pattern="/_forge/requests", handler=clear_requests, needs=""),
    Endpoint(method="GET", pattern="/_forge/violations", handler=violations, needs=""),
)
