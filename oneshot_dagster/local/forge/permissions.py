"""Which permissions of a token each endpoint accepts, as GitHub documents them, and whether a token holds them.
Keys are the endpoints with their names taken out; a value reads as GitHub's header x-accepted-github-permissions."""

import re
from collections.abc import Mapping

from oneshot_dagster.local.forge.records import User

LEVELS = ("none", "read", "write", "admin")
# What an App may ask for in a manifest: GitHub's names for the permissions on a repository that are in use here.
NAMES = frozenset(
    {
        "actions",
        "administration",
        "checks",
        "contents",
        "deployments",
        "environments",
        "issues",
        "merge_queues",
        "metadata",
        "pull_requests",
        "repository_hooks",
        "secrets",
        "statuses",
        "workflows",
        "members",
    }
)
_ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    "": (  # any token
        "GET /users/{}",
        "GET /apps/{}",
        "GET /rate_limit",
        "GET /meta",
    ),
    "metadata=read": (
        "GET /repos/{}/{}",
        "GET /repos/{}/{}/collaborators",
        "GET /repos/{}/{}/collaborators/{}/permission",
        "GET /repos/{}/{}/rules/branches/{}",
        "GET /repos/{}/{}/rulesets",
        "GET /repos/{}/{}/rulesets/{}",
        "GET /installation/repositories",
        "DELETE /installation/token",
    ),
    "administration=read": (
        "GET /repos/{}/{}/branches/{}/protection",
        "GET /repos/{}/{}/branches/{}/protection/required_status_checks",
        "GET /repos/{}/{}/branches/{}/protection/required_pull_request_reviews",
        "GET /repos/{}/{}/branches/{}/protection/required_signatures",
    ),
    "administration=write": (
        "PATCH /repos/{}/{}",
        "PUT /repos/{}/{}/branches/{}/protection",
        "DELETE /repos/{}/{}/branches/{}/protection",
        "POST /repos/{}/{}/branches/{}/protection/required_signatures",
        "DELETE /repos/{}/{}/branches/{}/protection/required_signatures",
        "POST /repos/{}/{}/rulesets",
        "PUT /repos/{}/{}/rulesets/{}",
        "DELETE /repos/{}/{}/rulesets/{}",
    ),
    "contents=read": (
        "GET /repos/{}/{}/branches",
        "GET /repos/{}/{}/branches/{}",
        "GET /repos/{}/{}/git/ref/{}",
        "GET /repos/{}/{}/git/ref/heads/{}",
        "GET /repos/{}/{}/git/matching-refs/{}",
        "GET /repos/{}/{}/git/commits/{}",
        "GET /repos/{}/{}/contents/{}",
    ),
    "contents=write": (
        "DELETE /repos/{}/{}/git/refs/{}",
        "DELETE /repos/{}/{}/git/refs/heads/{}",
        "PUT /repos/{}/{}/pulls/{}/merge",
        "PUT /repos/{}/{}/pulls/{}/merge-async",
    ),
    "issues=read": ("GET /repos/{}/{}/issues", "GET /repos/{}/{}/issues/{}"),
    "issues=write": ("POST /repos/{}/{}/issues",),
    "issues=read; pull_requests=read": (
        "GET /repos/{}/{}/issues/comments",
        "GET /repos/{}/{}/issues/comments/{}",
        "GET /repos/{}/{}/issues/{}/comments",
        "GET /repos/{}/{}/issues/{}/labels",
        "GET /repos/{}/{}/issues/{}/timeline",
        "GET /repos/{}/{}/issues/{}/events",
        "GET /repos/{}/{}/labels",
    ),
    "issues=write; pull_requests=write": (
        "PATCH /repos/{}/{}/issues/{}",
        "POST /repos/{}/{}/issues/{}/comments",
        "PATCH /repos/{}/{}/issues/comments/{}",
        "DELETE /repos/{}/{}/issues/comments/{}",
        "POST /repos/{}/{}/issues/{}/labels",
        "PUT /repos/{}/{}/issues/{}/labels",
        "DELETE /repos/{}/{}/issues/{}/labels/{}",
        "POST /repos/{}/{}/labels",
    ),
    "pull_requests=read; contents=read": ("GET /repos/{}/{}/pulls/{}",),
    "pull_requests=read": (
        "GET /repos/{}/{}/pulls",
        "GET /repos/{}/{}/pulls/{}/merge",
        "GET /repos/{}/{}/pulls/{}/merge-async/{}",
        "GET /repos/{}/{}/pulls/{}/reviews",
        "GET /repos/{}/{}/pulls/{}/reviews/{}",
        "GET /repos/{}/{}/pulls/{}/comments",
        "GET /repos/{}/{}/pulls/{}/commits",
        "GET /repos/{}/{}/pulls/{}/requested_reviewers",
    ),
    "pull_requests=write": (
        "POST /repos/{}/{}/pulls",
        "PATCH /repos/{}/{}/pulls/{}",
        "POST /repos/{}/{}/pulls/{}/reviews",
        "PUT /repos/{}/{}/pulls/{}/reviews/{}",
        "POST /repos/{}/{}/pulls/{}/reviews/{}/events",
        "PUT /repos/{}/{}/pulls/{}/reviews/{}/dismissals",
        "POST /repos/{}/{}/pulls/{}/comments",
        "POST /repos/{}/{}/pulls/{}/comments/{}/replies",
        "POST /repos/{}/{}/pulls/{}/requested_reviewers",
    ),
    "pull_requests=write,contents=write": ("PUT /repos/{}/{}/pulls/{}/update-branch",),
    "checks=read": (
        "GET /repos/{}/{}/check-runs/{}",
        "GET /repos/{}/{}/check-runs/{}/annotations",
        "GET /repos/{}/{}/commits/{}/check-runs",
        "GET /repos/{}/{}/commits/{}/check-suites",
    ),
    "checks=write": ("POST /repos/{}/{}/check-runs", "PATCH /repos/{}/{}/check-runs/{}"),
    "statuses=read": ("GET /repos/{}/{}/commits/{}/statuses", "GET /repos/{}/{}/commits/{}/status"),
    "statuses=write": ("POST /repos/{}/{}/statuses/{}",),
    "deployments=read": (
        "GET /repos/{}/{}/deployments",
        "GET /repos/{}/{}/deployments/{}",
        "GET /repos/{}/{}/deployments/{}/statuses",
    ),
    "deployments=write": ("POST /repos/{}/{}/deployments", "POST /repos/{}/{}/deployments/{}/statuses"),
    "actions=read": (
        "GET /repos/{}/{}/actions/workflows",
        "GET /repos/{}/{}/actions/runs",
        "GET /repos/{}/{}/actions/jobs/{}/logs",
    ),
    "repository_hooks=read": (
        "GET /repos/{}/{}/hooks",
        "GET /repos/{}/{}/hooks/{}",
        "GET /repos/{}/{}/hooks/{}/deliveries",
        "GET /repos/{}/{}/hooks/{}/deliveries/{}",
        "POST /repos/{}/{}/hooks/{}/pings",
    ),
    "repository_hooks=write": (
        "POST /repos/{}/{}/hooks",
        "PATCH /repos/{}/{}/hooks/{}",
        "DELETE /repos/{}/{}/hooks/{}",
        "POST /repos/{}/{}/hooks/{}/deliveries/{}/attempts",
    ),
}
ACCEPTED: Mapping[str, str] = {endpoint: accepted for accepted, group in _ENDPOINTS.items() for endpoint in group}
PEOPLE_ONLY = frozenset({"GET /user"})
APPS_ONLY = frozenset(_ENDPOINTS["checks=write"])
INSTALLATIONS_ONLY = frozenset({"GET /installation/repositories", "DELETE /installation/token"})
OPEN = frozenset({"POST /app-manifests/{}/conversions"})
BY_JWT = frozenset(
    {
        "GET /app",
        "GET /app/hook/config",
        "PATCH /app/hook/config",
        "GET /app/hook/deliveries",
        "GET /app/hook/deliveries/{}",
        "POST /app/hook/deliveries/{}/attempts",
        "GET /app/installations",
        "GET /app/installations/{}",
        "DELETE /app/installations/{}",
        "PUT /app/installations/{}/suspended",
        "DELETE /app/installations/{}/suspended",
        "POST /app/installations/{}/access_tokens",
        "GET /repos/{}/{}/installation",
        "GET /users/{}/installation",
        "GET /orgs/{}/installation",
    }
)


def key(method: str, pattern: str) -> str:
    """How an endpoint is named in these tables."""
    return f"{method} {re.sub(r'{[^}]*}', '{}', pattern)}"


def enough(held: Mapping[str, str], accepted: str) -> bool:
    """Whether one of the accepted sets is held; whoever holds anything may read metadata."""
    return any(all(_has(held, wanted) for wanted in one.split(",")) for one in accepted.split(";"))


def _has(held: Mapping[str, str], wanted: str) -> bool:
    name, _, level = wanted.strip().partition("=")
    return name in {"", "metadata"} or LEVELS.index(held.get(name, "none")) >= LEVELS.index(level)


def holds(user: User, accepted: str) -> bool:
    return user.permissions is None or enough(user.permissions, accepted)


def refusal(user: User) -> str:
    """GitHub's words for a permission that the token lacks."""
    return f"Resource not accessible by {'integration' if user.installation else 'personal access token'}"


def headers(user: User | None, endpoint: str) -> Mapping[str, str]:
    """What GitHub says of the token in each answer."""
    if user is None or endpoint not in ACCEPTED:
        return {}
    if user.permissions is None:
        return {"x-oauth-scopes": "repo, workflow", "x-accepted-oauth-scopes": "repo"}
    return {"x-accepted-github-permissions": ACCEPTED[endpoint] or "allows_permissionless_access=true"}
