"""What the forge is started with. People and tokens come from a JSON file, because arguments are visible to others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.local.forge import untyped

PERMISSIONS = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """`permissions` by `owner/name`, or `*` for every repository. An admin of the forge may use /_forge/.

    `token_permissions`, as {"contents": "write"}, make the token a fine-grained one; None: a classic token.
    """

    login: str
    token: str
    admin: bool = False
    permissions: Mapping[str, str]
    token_permissions: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgeConfig:
    """`owner` is who acts when a person presses a button on the page."""

    home: Path
    port: int
    people: tuple[Person, ...]
    owner: str
    ci_delay: float = 0.0
    null_ci: bool = False
    lazy_mergeable: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def read_people(file: Path) -> tuple[Person, ...]:
    """`{"login": {"token": "…", "admin": true, "permissions": {"acme/shop": "write", "*": "read"}}}`"""
    people = untyped.mapping(json.loads(file.read_text()))
    if not people:
        raise ValueError(f"{file} names nobody")
    return tuple(_person(login, untyped.mapping(fields) or {}) for login, fields in people.items())


def _person(login: str, fields: dict[str, object]) -> Person:
    permissions = untyped.mapping(fields.get("permissions", {}))
    if permissions is None or not all(level in PERMISSIONS for level in permissions.values()):
        raise ValueError(f"{login}: permissions must map owner/name or * to one of {', '.join(PERMISSIONS)}")
    token = fields.get("token")
    if not isinstance(token, str) or not token:
        raise ValueError(f"{login}: has no token")
    return Person(
        login=login,
        token=token,
        admin=fields.get("admin") is True,
        permissions={name: str(level) for name, level in permissions.items()},
        token_permissions=_fine(login, fields.get("token_permissions")),
    )


def _fine(login: str, value: object) -> dict[str, str] | None:
    if value is None:
        return None
    found = untyped.mapping(value)
    if found is None or not all(level in {"read", "write", "admin"} for level in found.values()):
        raise ValueError(f"{login}: token_permissions must map GitHub's names to read, write or admin")
    return {name: str(level) for name, level in found.items()}
