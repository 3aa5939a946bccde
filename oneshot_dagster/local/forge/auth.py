"""Who is asking, and what they may do on a repository."""

import base64
import binascii
import hmac

from oneshot_dagster.local.forge.config import PERMISSIONS, Person
from oneshot_dagster.local.forge.records import Repository, User
from oneshot_dagster.local.forge.world import World


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
    token = token_of(authorization)
    if token is None:
        return None
    same = [u for u in world.all(User) if hmac.compare_digest(u.token.encode(), token.encode())]
    return same[0] if same else None


def permission(repository: Repository, login: str) -> str:
    return repository.permissions.get(login, "none")


def may(repository: Repository, login: str, needs: str) -> bool:
    return PERMISSIONS.index(permission(repository, login)) >= PERMISSIONS.index(needs)


def enrol(world: World, person: Person) -> User:
    """Adds a person or takes over a new token and permissions; other people's permissions stay."""
    with world.change():
        known = world.user(person.login)
        user_id = known.id if known else world.next_id()
        user = world.put(User(id=user_id, login=person.login, token=person.token, admin=person.admin))
        for repository in world.all(Repository):
            grant(world, repository, person)
    return user


def grant(world: World, repository: Repository, person: Person) -> None:
    held = person.permissions.get(repository.full_name) or person.permissions.get("*")
    if held and repository.permissions.get(person.login) != held:
        repository.permissions[person.login] = held
        world.put(repository)
