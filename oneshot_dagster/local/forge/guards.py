"""Which guards stand before a ref for somebody, read from the world: what protects it, less what they may pass by."""

from collections.abc import Iterable

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.auth import permission
from oneshot_dagster.local.forge.config import PERMISSIONS
from oneshot_dagster.local.forge.records import App, Repository
from oneshot_dagster.local.forge.rule_records import Protection, Ruleset
from oneshot_dagster.local.forge.rules import Guard, Rule, covers
from oneshot_dagster.local.forge.shapes.people import app_id
from oneshot_dagster.local.forge.world import World

_ROLES = {"maintain": 2, "write": 4, "admin": 5}


def guards(world: World, repository: Repository, branch: str, *, merging_as: str | None = None) -> tuple[Guard, ...]:
    """Of one branch; without those that `merging_as` may bypass in a pull request."""
    ref = f"refs/heads/{branch}"
    found = (
        *_classic(world, repository, merging_as),
        *(guard_of(r) for r in _active(world, repository, {"branch"}) if not _passes(world, r, repository, merging_as)),
    )
    return tuple(g for g in found if covers(g, ref, repository.default_branch))


def push_guards(world: World, repository: Repository, pusher: str) -> tuple[Guard, ...]:
    """Of all refs, for a push by this person; a bypass for pull requests alone does not count here."""
    rows = [
        r
        for r in _active(world, repository, {"branch", "push"})
        if not _passes(world, r, repository, pusher, pushing=True)
    ]
    return (*_classic(world, repository, pusher), *map(guard_of, rows))


def bypass(world: World, row: Ruleset, repository: Repository, login: str) -> str:
    """GitHub's `current_user_can_bypass`."""
    modes = {str(a.get("bypass_mode", "always")) for a in row.bypass if _is(world, a, repository, login)}
    if modes & {"always", "exempt"}:
        return "always" if "always" in modes else "exempt"
    return "pull_requests_only" if modes else "never"


def guard_of(row: Ruleset) -> Guard:
    rules = tuple(Rule(type=str(r["type"]), parameters=untyped.mapping(r.get("parameters")) or {}) for r in row.rules)
    include = ("~ALL",) if row.target == "push" else row.include
    return Guard(classic=False, ruleset=row.id, include=include, exclude=row.exclude, rules=rules)


def app_number(world: World, slug: str) -> int:
    return next((a.id for a in world.all(App) if a.slug == slug), app_id(slug))


def _active(world: World, repository: Repository, targets: set[str]) -> list[Ruleset]:
    return [r for r in world.all(Ruleset, repository) if r.enforcement == "active" and r.target in targets]


def _passes(world: World, row: Ruleset, repository: Repository, login: str | None, *, pushing: bool = False) -> bool:
    held = bypass(world, row, repository, login) if login else "never"
    return held in {"always", "exempt"} or (held == "pull_requests_only" and not pushing)


def _is(world: World, actor: dict[str, object], repository: Repository, login: str) -> bool:
    kind, number, held = actor.get("actor_type"), actor.get("actor_id"), permission(repository, login)
    if kind == "RepositoryRole":
        role = next((name for name, n in _ROLES.items() if n == number), None)
        return role is not None and PERMISSIONS.index(held) >= PERMISSIONS.index(role)
    if kind == "Integration":
        return login.endswith("[bot]") and app_number(world, login.removesuffix("[bot]")) == number
    return kind == "OrganizationAdmin" and held == "admin"


def _classic(world: World, repository: Repository, login: str | None) -> Iterable[Guard]:
    admin = login is not None and permission(repository, login) == "admin"
    for row in world.all(Protection, repository):
        if row.enforce_admins or not admin:
            yield Guard(
                classic=True, include=(f"refs/heads/{row.branch}",), rules=tuple(_as_rules(row)), pushers=row.pushers
            )


def _as_rules(row: Protection) -> Iterable[Rule]:
    switches = {
        "non_fast_forward": not row.force_pushes,
        "deletion": not row.deletions,
        "required_linear_history": row.linear,
        "required_signatures": row.signed,
        "threads": row.resolved_threads,
        "lock": row.locked,
        "merge_queue": row.merge_queue,
    }
    yield from (Rule(type=name) for name, on in switches.items() if on)
    if row.contexts is not None:
        checks = [{"context": c, "integration_id": row.apps.get(c)} for c in row.contexts]
        yield Rule(
            type="required_status_checks",
            parameters={"required_status_checks": checks, "strict_required_status_checks_policy": row.strict},
        )
    if row.approvals is not None:
        yield Rule(
            type="pull_request",
            parameters={
                "required_approving_review_count": row.approvals,
                "dismiss_stale_reviews_on_push": row.dismiss_stale,
                "require_code_owner_review": row.code_owners,
                "require_last_push_approval": row.last_push,
            },
        )
