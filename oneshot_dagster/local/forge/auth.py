"""Who is asking, and what they may do on a repository."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from oneshot_dagster.local.forge import apps, permissions
from oneshot_dagster.local.forge.calls import Endpoint, Refusal
from oneshot_dagster.local.forge.config import PERMISSIONS, Person
from oneshot_dagster.local.forge.records import App, Repository, User
from oneshot_dagster.local.forge.world import World

_ANYONE = User(id=0, login="", token="")


def token_of(authorization: str) -> str | None:
    """`Bearer X`, `token X`, or X as the password of Basic, as git sends it."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None


def caller(world: World, authorization: str) -> User | None:
    """None for nobody, for a bad token, and for an App's JWT, which is no user."""
    token = token_of(authorization)
    if token is None:
        return None
    if token.startswith(apps.TOKEN_PREFIX):
        return apps.bot_of(world, token)
    same = [u for u in world.all(User) if hmac.compare_digest(u.token.encode(), token.encode())]
    return same[0] if same else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """Who may do what was asked. `app` where an App came with its JWT; `place` the repository of the path."""

    user: User
    app: App | None
    place: Repository | None


def admitted(
    world: World, endpoint: Endpoint, path: Mapping[str, str], user: User | None, authorization: str
) -> Admitted:
    """Refuses as GitHub does: who you are, whether you see the repository, what your token is for, what you may there."""
    name = permissions.key(endpoint.method, endpoint.pattern)
    if name in permissions.BY_JWT:
        app = apps.by_jwt(world, token_of(authorization))
        return Admitted(user=apps.bot(app), app=app, place=None)
    if user is None and name in permissions.OPEN:
        return Admitted(user=_ANYONE, app=None, place=None)
    if user is None:
        raise Refusal(401, "Bad credentials" if authorization else "Requires authentication")
    if apps.is_suspended(world, user):
        raise Refusal(403, apps.SUSPENDED)
    place = _place(world, path, user) if endpoint.needs else None
    _refuse_kind(user, name)
    if name in permissions.ACCEPTED and not permissions.holds(user, _accepted(world, name, path, place)):
        raise Refusal(403, permissions.refusal(user))
    if place and not user.installation and not may(place, user.login, endpoint.needs):
        raise Refusal(403, "Resource not accessible by personal access token")
    return Admitted(user=user, app=None, place=place)


def _place(world: World, path: Mapping[str, str], user: User) -> Repository:
    place = world.repository(path["owner"], path["repo"])
    if place is None or not sees(place, user):
        raise Refusal(404, "Not Found")
    return place


def _accepted(world: World, name: str, path: Mapping[str, str], place: Repository | None) -> str:
    """Where a number may be an issue's or a pull request's, the permission for pull requests does nothing for an issue."""
    accepted, number = permissions.ACCEPTED[name], path.get("number", "")
    if place and accepted.startswith("issues=") and number.isdigit() and world.pull(place, int(number)) is None:
        return accepted.partition(";")[0]
    return accepted


def _refuse_kind(user: User, name: str) -> None:
    if user.installation and name in permissions.PEOPLE_ONLY:
        raise Refusal(403, permissions.refusal(user))
    if not user.installation and name in permissions.APPS_ONLY:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    if not user.installation and name in permissions.INSTALLATIONS_ONLY:
        raise Refusal(403, "You must authenticate with an installation access token.")


def permission(repository: Repository, login: str) -> str:
    return repository.permissions.get(login, "none")


def may(repository: Repository, login: str, needs: str) -> bool:
    return PERMISSIONS.index(permission(repository, login)) >= PERMISSIONS.index(needs)


def sees(repository: Repository, user: User) -> bool:
    """To everybody else it does not exist."""
    return may(repository, user.login, "read") and (user.repositories is None or repository.id in user.repositories)


def enrol(world: World, person: Person) -> User:
    """Adds a person or takes over a new token and permissions; other people's permissions stay."""
    with world.change():
        known = world.user(person.login)
        fine = None if person.token_permissions is None else dict(person.token_permissions)
        user = world.put(
            User(
                id=known.id if known else world.next_id(),
                login=person.login,
                token=person.token,
                admin=person.admin,
                permissions=fine,
            )
        )
        for repository in world.all(Repository):
            grant(world, repository, person)
    return user


def grant(world: World, repository: Repository, person: Person) -> None:
    held = person.permissions.get(repository.full_name) or person.permissions.get("*")
    if held and repository.permissions.get(person.login) != held:
        repository.permissions[person.login] = held
        world.put(repository)
