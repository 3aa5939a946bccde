"""The store's fixtures, and a plain connection beside the store to look and to break things with."""

from collections.abc import Iterator

import psycopg
import pytest
from store_fixtures import make_store, store, store_template, store_url  # noqa: F401

from oneshot_dagster.services.store.address import libpq_url


@pytest.fixture
def sql(store_url: str) -> Iterator[psycopg.Connection]:  # noqa: F811
    with psycopg.connect(libpq_url(store_url), autocommit=True) as connection:
        yield connection
