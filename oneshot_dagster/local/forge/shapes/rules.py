"""Branch protection and rulesets as GitHub shows them."""

from urllib.parse import quote

from oneshot_dagster.local.forge.records import Repository
from oneshot_dagster.local.forge.rule_records import Protection, Ruleset
from oneshot_dagster.local.forge.rules import Guard
from oneshot_dagster.local.forge.shapes.people import Json, Urls, simple_user


def protection(urls: Urls, repo: Repository, row: Protection) -> Json:
    """What GitHub leaves out is left out: a branch without required checks has no `required_status_checks`."""
    me = f"{urls.repository(repo)}/branches/{quote(row.branch, safe='')}/protection"
    parts: Json = {
        "url": me,
        "required_signatures": {"url": f"{me}/required_signatures", "enabled": row.signed},
        "enforce_admins": {"url": f"{me}/enforce_admins", "enabled": row.enforce_admins},
        "required_linear_history": {"enabled": row.linear},
        "allow_force_pushes": {"enabled": row.force_pushes},
        "allow_deletions": {"enabled": row.deletions},
        "block_creations": {"enabled": False},
        "required_conversation_resolution": {"enabled": row.resolved_threads},
        "lock_branch": {"enabled": row.locked},
        "allow_fork_syncing": {"enabled": False},
    }
    if row.contexts is not None:
        parts["required_status_checks"] = required_checks(me, row)
    if row.approvals is not None:
        parts["required_pull_request_reviews"] = {
            "url": f"{me}/required_pull_request_reviews",
            "dismiss_stale_reviews": row.dismiss_stale,
            "require_code_owner_reviews": row.code_owners,
            "required_approving_review_count": row.approvals,
            "require_last_push_approval": row.last_push,
        }
    if row.pushers is not None:
        parts["restrictions"] = _restrictions(urls, me, row.pushers)
    return parts


def required_checks(protection_url: str, row: Protection) -> Json:
    me = f"{protection_url}/required_status_checks"
    contexts = list(row.contexts or ())
    return {
        "url": me,
        "strict": row.strict,
        "contexts": contexts,
        "contexts_url": f"{me}/contexts",
        "checks": [{"context": c, "app_id": row.apps.get(c)} for c in contexts],
    }


def _restrictions(urls: Urls, protection_url: str, pushers: tuple[str, ...]) -> Json:
    me = f"{protection_url}/restrictions"
    return {
        "url": me,
        "users_url": f"{me}/users",
        "teams_url": f"{me}/teams",
        "apps_url": f"{me}/apps",
        "users": [simple_user(urls, login) for login in pushers],
        "teams": [],
        "apps": [],
    }


def ruleset_line(urls: Urls, repo: Repository, row: Ruleset) -> Json:
    """As in the list of rulesets: without conditions, rules and bypass actors."""
    page = f"{urls.page(repo)}/rules/{row.id}"
    return {
        "id": row.id,
        "name": row.name,
        "target": row.target,
        "source_type": "Repository",
        "source": repo.full_name,
        "enforcement": row.enforcement,
        "node_id": f"RRS_{row.id}",
        "_links": {"self": {"href": f"{urls.repository(repo)}/rulesets/{row.id}"}, "html": {"href": page}},
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def ruleset(urls: Urls, repo: Repository, row: Ruleset, *, bypass: str, admin: bool) -> Json:
    """Who may bypass is told to admins only, whether one may oneself to everybody."""
    conditions: Json = {"ref_name": {"include": list(row.include), "exclude": list(row.exclude)}}
    shown = ruleset_line(urls, repo, row) | {
        "current_user_can_bypass": bypass,
        "conditions": None if row.target == "push" else conditions,
        "rules": list(row.rules),
    }
    return shown | ({"bypass_actors": list(row.bypass)} if admin else {})


def branch_rules(repo: Repository, guard: Guard) -> list[Json]:
    source: Json = {
        "ruleset_source_type": "Repository",
        "ruleset_source": repo.full_name,
        "ruleset_id": guard.ruleset,
    }
    shown: list[Json] = []
    for rule in guard.rules:
        parameters: Json = {"parameters": dict(rule.parameters)} if rule.parameters else {}
        shown.append({"type": rule.type, **parameters, **source})
    return shown
