"""What commands work with: the services of the settings for the length of a block, and the change that was typed."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from oneshot_dagster.domain.attempt import Attempt
    from oneshot_dagster.steps.services import Services


@contextmanager
def opened() -> "Generator[Services]":
    from oneshot_dagster.bootstrap import open_services

    services = open_services()
    try:
        yield services
    finally:
        services.close()


def typed(services: "Services", text: str, number: int | None = None) -> "Attempt":
    """The attempt that is meant; says so where a pull request's number led to it."""
    from oneshot_dagster.steps.find import find_attempt

    attempt = find_attempt(services.store, text, number)
    if str(attempt.key) != text:
        click.echo(f"{text} is the pull request of {attempt.key}", err=True)
    return attempt
