"""The words that a person says to a change, from stop to rollback. Recorded here, acted on by the resumer."""

from typing import TYPE_CHECKING

import click

from oneshot_dagster.cli.opened import opened, typed
from oneshot_dagster.cli.person import person

if TYPE_CHECKING:
    from oneshot_dagster.steps.ask import Asked


@click.command()
@click.argument("key")
def stop(key: str) -> None:
    """End a change before its merge."""
    _say(key, "stop")


@click.command()
@click.argument("key")
def hold(key: str) -> None:
    """Keep a change from going on."""
    _say(key, "hold")


@click.command()
@click.argument("key")
def resume(key: str) -> None:
    """Take a hold away, or let a stopped change go on."""
    _say(key, "resume")


@click.command()
@click.argument("key")
def retry(key: str) -> None:
    """Let a stopped change try again."""
    _say(key, "retry")


@click.command()
@click.argument("key")
def rollback(key: str) -> None:
    """Take a merged change back: what was verified last serves again, and a revert takes it out of the base."""
    _say(key, "rollback")


@click.command()
@click.argument("key")
def approve(key: str) -> None:
    """Approve the present head of a change, and no later one."""
    _say(key, "approve")


@click.command()
@click.argument("key")
@click.argument("text")
def answer(key: str, text: str) -> None:
    """Answer a change that asks a person; TEXT goes into its next prompt."""
    _say(key, "answer", text)


def _say(key: str, kind: str, text: str = "") -> None:
    from oneshot_dagster.steps.ask import ask

    with opened() as services:
        attempt = typed(services, key)
        asked = ask(services, attempt, kind, by=person(), text=text)
    what = f"{kind} {attempt.key}, attempt {attempt.number}"
    if asked.request.sha is not None:
        what += f", at commit {asked.request.sha}"
    again = " (asked before and still open)" if asked.repeated else ""
    click.echo(f"recorded: {what}, by {asked.request.by}{again}")
    click.echo(f"next: {_when(asked, str(attempt.key))}, {asked.next}")


def _when(asked: "Asked", key: str) -> str:
    if asked.working:
        return "a run is at work; where it next looks for requests, or when it ends"
    return f"no run is at work; within seconds where `oneshot dev` runs, else with `oneshot run {key}`"
