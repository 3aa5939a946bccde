"""The forge's pages, for people."""

from starlette.routing import Route

from oneshot_dagster.local.forge.forge import Forge


def routes(forge: Forge) -> list[Route]:
    return []
