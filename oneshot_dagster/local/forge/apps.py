"""GitHub Apps: their keys and tokens, where they are installed, and who a JWT or an installation token stands for."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.calls import Refusal
from oneshot_dagster.local.forge.permissions import LEVELS, enough
from oneshot_dagster.local.forge.records import App, Installation, InstallationToken, Repository, User
from oneshot_dagster.local.forge.world import World, now

TOKEN_PREFIX = "ghs_"  # noqa: S105 - GitHub's mark of an installation token, not a token
_LONGEST = 600
_UNREADABLE = "A JSON web token could not be decoded"
_BAD_ISS = "'Issuer' claim ('iss') must be an Integer"
_BAD_IAT = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
_BAD_EXP = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
_FAR_EXP = "'Expiration time' claim ('exp') is too far in the future"
_NO_CLAIMS = Options(  # we look at them ourselves, for GitHub's words
    verify_exp=False, verify_iat=False, verify_nbf=False, verify_iss=False, verify_aud=False, verify_sub=False
)
SUSPENDED = "This installation has been suspended"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyPair:
    """In PEM, as GitHub hands out the private half."""

    private: str
    public: str


def new_keys() -> KeyPair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, traditional = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(pem, traditional, serialization.NoEncryption())
    return KeyPair(private=private.decode(), public=public.decode())


def by_slug(world: World, slug: str) -> App | None:
    return next((a for a in world.all(App) if a.slug == slug), None)


def bot(app: App) -> User:
    """The App as somebody who writes comments; not a row of the world."""
    return User(id=0, login=f"{app.slug}[bot]", token="")


def by_jwt(world: World, token: str | None) -> App:
    """The App whose key signed this; GitHub's answer for each thing that can be wrong with it."""
    try:
        claims: dict[str, object] = jwt.decode(token or "", options={**_NO_CLAIMS, "verify_signature": False})
        app = _issuer(world, claims)
        jwt.decode(token or "", app.public_key, ["RS256"], options={**_NO_CLAIMS, "verify_signature": True})
    except jwt.PyJWTError as e:
        raise Refusal(401, _UNREADABLE) from e
    _refuse_times(claims, datetime.now(UTC).timestamp())
    return app


def _issuer(world: World, claims: Mapping[str, object]) -> App:
    issuer = claims.get("iss")
    if not isinstance(issuer, int | str):
        raise Refusal(401, _BAD_ISS)
    found = [a for a in world.all(App) if str(issuer) in {str(a.id), a.client_id}]
    if not found:
        raise Refusal(404, "Integration not found")
    return found[0]


def _refuse_times(claims: Mapping[str, object], moment: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > moment:
        raise Refusal(401, _BAD_IAT)
    if not isinstance(expires, int) or expires <= moment:
        raise Refusal(401, _BAD_EXP)
    if expires > moment + _LONGEST:
        raise Refusal(401, _FAR_EXP)


def bot_of(world: World, token: str) -> User | None:
    """Who an installation token acts as, with no more than the installation still has; None where it is unknown or over."""
    digest = _digest(token)
    row = next((t for t in world.all(InstallationToken) if t.digest == digest), None)
    home = world.get(Installation, row.installation) if row else None
    app = world.get(App, home.app) if home else None
    if row is None or home is None or app is None or row.expires_at <= now():
        return None
    held = {
        name: min(level, home.permissions.get(name, "none"), key=LEVELS.index)
        for name, level in row.permissions.items()
    }
    reached = tuple(r.id for r in repositories(world, home) if row.repositories is None or r.id in row.repositories)
    return replace(bot(app), token=token, permissions=held, installation=home.id, repositories=reached)


def is_suspended(world: World, user: User) -> bool:
    home = world.get(Installation, user.installation)
    return home is not None and home.suspended_at is not None


def install(
    world: World,
    app: App,
    account: str,
    *,
    selected: Sequence[int] | None,
    permissions: Mapping[str, str] | None = None,
) -> Installation:
    """On the repositories of an account; once more means other repositories. None selected: all, also later ones."""
    known = next((i for i in world.all(Installation) if (i.app, i.account) == (app.id, account)), None)
    home = known or Installation(
        id=world.next_id(),
        app=app.id,
        account=account,
        permissions=dict(app.permissions if permissions is None else permissions),
        selected=None,
        created_at=now(),
        updated_at=now(),
    )
    chosen = None if selected is None else tuple(selected)
    home = world.put(replace(home, selected=chosen, updated_at=now()))
    settle(world)
    return home


def uninstall(world: World, home: Installation) -> None:
    for token in [t for t in world.all(InstallationToken) if t.installation == home.id]:
        world.drop(token)
    world.drop(home)
    settle(world)


def repositories(world: World, home: Installation) -> list[Repository]:
    mine = [r for r in world.all(Repository) if r.owner == home.account]
    return [r for r in mine if home.selected is None or r.id in home.selected]


def settle(world: World) -> None:
    """Bots are writers of the repositories that their App is on; what a token may there is checked with each request."""
    reached = {
        (r.id, bot(app).login)
        for home in world.all(Installation)
        for r in repositories(world, home)
        if (app := world.get(App, home.app))
    }
    bots = {bot(app).login for app in world.all(App)}
    for repo in world.all(Repository):
        people = {login: level for login, level in repo.permissions.items() if login not in bots}
        wanted = people | {login: "write" for number, login in sorted(reached) if number == repo.id}
        if wanted != repo.permissions:
            world.put(replace(repo, permissions=wanted))


def installation_of(world: World, app: App, repository: Repository) -> Installation | None:
    homes = [i for i in world.all(Installation) if i.app == app.id]
    return next((i for i in homes if repository in repositories(world, i)), None)


def issue_token(
    world: World, home: Installation, *, permissions: Mapping[str, str] | None, chosen: Sequence[int] | None
) -> tuple[str, InstallationToken]:
    """The token and its row. Asking for more than the installation has is refused as GitHub does."""
    if home.suspended_at:
        raise Refusal(403, SUSPENDED)
    wanted = dict(home.permissions if permissions is None else permissions)
    if not all(enough(home.permissions, f"{name}={level}") for name, level in wanted.items()):
        raise Refusal(422, "The permissions requested are not granted to this installation.")
    if chosen is not None and not set(chosen) <= {r.id for r in repositories(world, home)}:
        raise Refusal(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    token = TOKEN_PREFIX + secrets.token_hex(18)
    row = InstallationToken(
        id=world.next_id(),
        installation=home.id,
        digest=_digest(token),
        expires_at=_stamp(datetime.now(UTC) + timedelta(hours=1)),
        permissions={"metadata": "read", **wanted},
        repositories=None if chosen is None else tuple(chosen),
    )
    return token, world.put(row)


def revoke(world: World, token: str) -> None:
    for row in [t for t in world.all(InstallationToken) if t.digest == _digest(token)]:
        world.drop(row)


def suspend(world: World, home: Installation, by: str | None) -> Installation:
    """None lifts it."""
    return world.put(replace(home, suspended_at=now() if by else None, suspended_by=by, updated_at=now()))


def levels(value: object) -> dict[str, str] | None:
    """{"contents": "write"} as it came from outside; None where it is something else."""
    found = untyped.mapping(value)
    if found is None or not all(level in {"read", "write", "admin"} for level in found.values()):
        return None
    return {name: str(level) for name, level in found.items()}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
