"""A database URL in the forms that SQLAlchemy and libpq want, and what the server says when it fails.
Whatever driver a URL names, we speak psycopg 3."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from oneshot_dagster.domain.errors import BadInput


def engine_url(url: str) -> URL:
    """Raises BadInput without repeating the text, which may hold a password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise BadInput(
            tried="read the database URL",
            found="something else than a Postgres URL",
            do="give postgresql://user:password@host:port/database",
        )
    return parsed.set(drivername="postgresql+psycopg")


def libpq_url(url: str) -> str:
    return engine_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def first_line(error: Exception) -> str:
    """What Postgres itself said; SQLAlchemy would add the statement and its values."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return (str(said).splitlines() or [type(said).__name__])[0]
