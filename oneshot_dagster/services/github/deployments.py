"""Which of our deployments of an environment GitHub shows as the one that stands."""

from typing import TYPE_CHECKING

from oneshot_dagster.services.github import shapes
from oneshot_dagster.services.github.answers import Json, read

if TYPE_CHECKING:
    from oneshot_dagster.services.github.connection import Connection

MOST = 10  # newest first; what failed lies between, and what came before a success was ended by it


def active(connection: "Connection", repository: str, environment: str) -> tuple[int, ...]:
    """Those of ours, by the key in their payload, whose last word is success."""
    path = f"/repos/{repository}/deployments"
    listed = connection.get(path, params={"environment": environment, "per_page": MOST})
    ours = read(shapes.deployment_keys, listed).values()
    return tuple(number for number in ours if _last(connection, f"{path}/{number}/statuses") == "success")


def _last(connection: "Connection", path: str) -> str | None:
    return read(_state, connection.get(path, params={"per_page": 1}))


def _state(page: list[Json]) -> str | None:
    return str(page[0]["state"]) if page else None
