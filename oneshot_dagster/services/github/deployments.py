"""Which of our deployments of an environment GitHub shows as the one that stands, and what we said of one."""

from typing import TYPE_CHECKING

from oneshot_dagster.services.github import shapes
from oneshot_dagster.services.github.answers import ABSENT, Json, part, read

if TYPE_CHECKING:
    from oneshot_dagster.services.github.connection import Connection

MOST = 10  # newest first; what failed lies between, and what came before a success was ended by it


def active(connection: "Connection", repository: str, environment: str) -> tuple[int, ...]:
    """Those of ours, by the key in their payload, whose last word is success."""
    path = f"/repos/{repository}/deployments"
    listed = connection.get(path, params={"environment": environment, "per_page": MOST})
    ours = read(shapes.deployment_keys, listed).values()
    return tuple(number for number in ours if _last(connection, f"{path}/{number}/statuses") == "success")


def told(connection: "Connection", repository: str, number: int, *, by: str) -> tuple[str, ...]:
    path = f"/repos/{repository}/deployments/{number}/statuses"
    answer = connection.get(path, params={"per_page": 100}, values=ABSENT)
    return () if answer.status in ABSENT else read(lambda page: _descriptions(page, by), answer)


def _descriptions(page: list[Json], by: str) -> tuple[str, ...]:
    return tuple(str(one.get("description") or "") for one in page if part(one, "creator").get("login") == by)


def _last(connection: "Connection", path: str) -> str | None:
    return read(_state, connection.get(path, params={"per_page": 1}))


def _state(page: list[Json]) -> str | None:
    return str(page[0]["state"]) if page else None
