"""The world and the store for the tests of the Dagster shell."""

from store_fixtures import make_store, store, store_template, store_url  # noqa: F401
from world_fixtures import engine, world  # noqa: F401
