"""Dagster's database on an external server: beside ours, made where there is none yet."""

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.settings import Settings


def make_dagsters(settings: Settings) -> None:
    name = make_url(settings.dagster_url).database or ""
    try:
        with psycopg.connect(settings.store_url, autocommit=True, connect_timeout=10) as connection:
            there = connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone()
            if there is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    except psycopg.errors.DuplicateDatabase:
        return  # by another starter, at the same moment
    except psycopg.Error as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise NeedsHuman(
            f"the database {name} for Dagster could not be made: {said}", reason="database_not_started"
        ) from None
