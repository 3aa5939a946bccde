"""What the GraphQL answers are made of: connections, actors, GitHub's kinds of errors."""

import base64
from collections.abc import Sequence

import graphql

from oneshot_dagster.local.forge.permissions import holds, refusal
from oneshot_dagster.local.forge.records import User
from oneshot_dagster.local.forge.shapes.people import Json, Urls, stable_id


class Missing(graphql.GraphQLError):
    """GitHub's NOT_FOUND."""


class Forbidden(graphql.GraphQLError):
    """GitHub's FORBIDDEN."""


def actor(urls: Urls, login: str) -> Json:
    return {"id": f"U_{stable_id(login)}", "login": login, "url": f"{urls.site}/{login}"}


def refuse_without(user: User, accepted: str) -> None:
    if not holds(user, accepted):
        raise Forbidden(refusal(user))


def connection(rows: Sequence[Json], first: int | None, after: str | None) -> Json:
    """GitHub demands `first` and takes at most 100; the cursor is the place of the row before."""
    if first is None or not 1 <= first <= 100:
        raise graphql.GraphQLError("`first` on a connection must be between 1 and 100.")
    start = int(base64.b64decode(after)) if after else 0
    shown = rows[start : start + first]
    end = start + len(shown)
    return {
        "nodes": shown,
        "totalCount": len(rows),
        "pageInfo": {
            "startCursor": _cursor(start),
            "endCursor": _cursor(end) if shown else None,
            "hasNextPage": end < len(rows),
            "hasPreviousPage": start > 0,
        },
    }


def _cursor(place: int) -> str:
    return base64.b64encode(str(place).encode()).decode()
