"""Routes: who has access to a repository."""

from oneshot_dagster.local.forge.auth import may
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint
from oneshot_dagster.local.forge.config import PERMISSIONS
from oneshot_dagster.local.forge.shapes.people import Json, simple_user

_WORDS = {"pull": "read", "push": "write"}
_NAMES = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}


def list_collaborators(call: Call) -> Answer:
    """People alone: an App's access is its installation."""
    asked = call.query.get("permission", "pull")
    least = _WORDS.get(asked, asked)
    people = [
        login
        for login in call.repository.permissions
        if not login.endswith("[bot]") and may(call.repository, login, least)
    ]
    return call.page([_shown(call, login) for login in sorted(people)])


def _shown(call: Call, login: str) -> Json:
    held = call.repository.permissions[login]
    rights = {name: PERMISSIONS.index(held) >= PERMISSIONS.index(word) for name, word in _NAMES.items()}
    return {**simple_user(call.urls, login), "permissions": rights, "role_name": held}


ENDPOINTS = (
    Endpoint(method="GET", pattern="/repos/{owner}/{repo}/collaborators", handler=list_collaborators, needs="write"),
)
