"""What we may do in a repository: there at all, an App's permissions, a person's role and token, the policy's mode, the webhook."""

from collections.abc import Iterator

from oneshot_dagster.domain.permissions import PERMISSIONS, Permission, reaches
from oneshot_dagster.domain.policy import FILE
from oneshot_dagster.domain.quoting import one_line
from oneshot_dagster.domain.readiness_facts import Access, Finding, Level, Situation, Unread, WebhookFacts
from oneshot_dagster.domain.run import Mode

_WRITERS = {"write", "maintain", "admin"}
_ACTIONS = "github-actions[bot]"
_WHY = {
    "policy": "as its policy says",
    "settings_cap": "as the settings allow no more",
    "no_verification_policy": "as its policy has no [deploy] and [verify]",
}


def of_access(situation: Situation) -> Iterator[Finding]:
    access, writes = situation.facts.access, situation.mode is not Mode.OBSERVE
    if access.login == _ACTIONS:
        # https://docs.github.com/actions/concepts/security/github_token: its events start no workflow.
        found = "our token is a workflow's GITHUB_TOKEN, whose pushes and pull requests start no workflow"
        yield _grave("github_token", found, "give a GitHub App or a personal token", writes=writes)
    if access.is_app:
        yield from _app(situation, access)
    else:
        yield from _person(access, writes=writes)


def _app(situation: Situation, access: Access) -> Iterator[Finding]:
    who = one_line(access.login, 60)
    if access.permissions is None:
        yield Finding(code="permissions", level=Level.UNKNOWN, found=f"what the App {who} may do was not told")
        return
    lacking = [p for p in PERMISSIONS if not reaches(access.permissions, p.name, p.access)]
    for permission in lacking:
        held = access.permissions.get(permission.name) or "no"
        enough = reaches(access.permissions, permission.name, _least(situation, permission))
        yield Finding(
            code=f"permission_{permission.name}",
            level=Level.WARNING if enough else Level.IMPOSSIBLE,
            found=f"the App {who} has {held} access to {permission.name}, which it needs to {permission.why}",
            do=_grant(permission),
        )
    if not lacking:
        yield Finding(code="permissions", level=Level.OK, found=f"the App {who} has every permission that we ask for")


def _least(situation: Situation, permission: Permission) -> str:
    """Observing only reads. A deployment that cannot be recorded would stop a change after its merge."""
    if situation.mode is Mode.OBSERVE:
        return "read" if permission.least else ""
    deploys = situation.policy is not None and situation.policy.deploy.kind != "none"
    if permission.name == "deployments" and deploys and situation.mode is Mode.MERGE:
        return "write"
    return permission.least


def _grant(permission: Permission) -> str:
    return f"give it {permission.name}: {permission.access} in the App's settings and accept that for the installation"


def _person(access: Access, *, writes: bool) -> Iterator[Finding]:
    who = one_line(access.login, 60)
    if access.role is None:
        yield Finding(code="role", level=Level.UNKNOWN, found=f"what {who} may do was not told")
    elif access.role not in _WRITERS:
        yield _grave("role", f"{who} has {access.role} access", f"give {who} write access", writes=writes)
    else:
        yield Finding(code="role", level=Level.OK, found=f"{who} has {access.role} access")
    if access.scopes is None:
        found = "GitHub does not tell what a fine-grained token may; a call that it may not make will say so"
        yield Finding(code="token", level=Level.UNKNOWN, found=found)
    elif not {"repo", "public_repo"} & set(access.scopes):
        # https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
        has = one_line(", ".join(access.scopes), 100) or "no scope"
        yield _grave("token", f"the token has {has}, not repo", "make one with the scope repo", writes=writes)


def _grave(code: str, found: str, do: str, *, writes: bool) -> Finding:
    """What only writing needs is no obstacle to observing."""
    return Finding(code=code, level=Level.IMPOSSIBLE if writes else Level.WARNING, found=found, do=do)


def of_repository(situation: Situation) -> Iterator[Finding]:
    facts = situation.facts
    if facts.archived:
        # https://docs.github.com/repositories/archiving-a-github-repository/archiving-repositories: read-only for all.
        found, do = f"{facts.repository} is archived: nothing in it can change", "unarchive it first"
        yield _grave("archived", found, do, writes=situation.mode is not Mode.OBSERVE)


def of_policy(situation: Situation) -> Iterator[Finding]:
    where, mode = f"{FILE} at {situation.facts.base}", situation.mode
    if situation.problem:
        yield Finding(
            code="policy_invalid",
            level=Level.IMPOSSIBLE,
            found=one_line(situation.problem, 500),
            do=f"mend it on {situation.facts.base}",
        )
    elif situation.policy is None:
        do = "write one: `oneshot policy check FILE` reads it through"
        yield Finding(code="policy", level=Level.WARNING, found=f"there is no {where}: mode {mode}, no tests", do=do)
    else:
        why = _WHY.get(situation.mode_why, situation.mode_why)
        yield Finding(code="policy", level=Level.OK, found=f"{where} is a policy: mode {mode}, {why}")


def of_webhook(webhook: WebhookFacts | Unread | None) -> Iterator[Finding]:
    """Without one everything works, later: GitHub is asked at intervals."""
    if isinstance(webhook, Unread):
        yield Finding(code="webhook", level=Level.UNKNOWN, found=f"did not look at the webhook: {webhook.why}")
    elif webhook is not None and not webhook.url:
        yield Finding(code="webhook", level=Level.OK, found="no webhook: GitHub is asked at intervals")
    elif webhook is not None:
        yield _of_hook(webhook)


def _of_hook(webhook: WebhookFacts) -> Finding:
    """https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries: GitHub does not send again."""
    url = one_line(webhook.url, 200)
    if not webhook.active:
        found, do = f"the webhook to {url} is switched off", "switch it on, or remove it"
        return Finding(code="webhook", level=Level.WARNING, found=found, do=do)
    if webhook.failed:
        found = (
            f"{webhook.failed} of the last {webhook.deliveries} deliveries to {url} failed, the last one said "
            f"{one_line(webhook.status, 80) or 'nothing'}"
        )
        do = (
            "let GitHub reach that address and give both sides the same secret; until then GitHub is asked at intervals"
        )
        return Finding(code="webhook", level=Level.WARNING, found=found, do=do)
    said = f"the last {webhook.deliveries} deliveries arrived" if webhook.deliveries else "nothing was delivered yet"
    return Finding(code="webhook", level=Level.OK, found=f"{said} at {url}")
