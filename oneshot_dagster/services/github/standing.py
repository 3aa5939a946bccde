"""Who we are on GitHub, for connecting and looking: whose a token is, and where an App is installed with which permissions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oneshot_dagster.services.github.answers import Answer, Json, part, read
from oneshot_dagster.services.github.app_tokens import AppTokens
from oneshot_dagster.services.github.connection import Connection
from oneshot_dagster.services.github.tokens import OneToken

_TIMEOUT = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """`scopes` of a classic token; None of a fine-grained one, of which GitHub tells nothing."""

    login: str
    scopes: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    account: str
    repositories: tuple[str, ...]
    permissions: Mapping[str, str]
    suspended: bool


def holder(api_url: str, token: str) -> Holder:
    """NeedsHuman for a token that GitHub does not take, an App's among them."""
    connection = _connection(api_url, OneToken(lambda: token))
    try:
        answer = connection.get("/user")
    finally:
        connection.close()
    return Holder(login=read(lambda body: str(body["login"]), answer), scopes=_scopes(answer))


def installations(api_url: str, tokens: AppTokens) -> tuple[Installation, ...]:
    """Every one of the App, with the repositories that it reaches."""
    connection = _connection(api_url, tokens)
    try:
        found = [body for page in connection.pages("/app/installations") for body in read(list[Any], page)]
        return tuple(_installation(api_url, connection, body) for body in found)
    finally:
        connection.close()


def _installation(api_url: str, connection: Connection, body: Json) -> Installation:
    suspended = body.get("suspended_at") is not None
    return Installation(
        account=str(part(body, "account").get("login") or ""),
        repositories=() if suspended else _repositories(api_url, connection, int(body["id"])),
        permissions={str(name): str(access) for name, access in part(body, "permissions").items()},
        suspended=suspended,
    )


def _repositories(api_url: str, connection: Connection, number: int) -> tuple[str, ...]:
    made = connection.send("POST", f"/app/installations/{number}/access_tokens")
    token = read(lambda body: str(body["token"]), made)
    reading = _connection(api_url, OneToken(lambda: token))
    try:
        pages = list(reading.pages("/installation/repositories"))
    finally:
        reading.close()
    return tuple(
        name for page in pages for name in read(lambda body: [str(r["full_name"]) for r in body["repositories"]], page)
    )


def _connection(api_url: str, tokens: OneToken | AppTokens) -> Connection:
    return Connection(api_url=api_url, graphql_url="", tokens=tokens, timeout=_TIMEOUT)


def _scopes(answer: Answer) -> tuple[str, ...] | None:
    said = answer.headers.get("x-oauth-scopes")
    return None if said is None else tuple(scope.strip() for scope in said.split(",") if scope.strip())
