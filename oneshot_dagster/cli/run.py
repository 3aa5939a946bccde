"""`oneshot run KEY`: takes a change in, follows it to its end on the stack of this home, and exits by how it ended."""

import getpass
from pathlib import Path

import click

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput


@click.command()
@click.argument("key")
@click.option("--base", help="The branch to start from and merge into; default: the repository's default branch.")
@click.option("--prompt-file", type=click.Path(path_type=Path), help="A text to add to the issue's.")
@click.option("--wait/--no-wait", default=True, help="Whether to stay while it is parked; without, exit 5 then.")
def run(key: str, base: str | None, prompt_file: Path | None, wait: bool) -> int:  # noqa: FBT001 (click names it)
    """Take the change KEY (owner/repo#N) as far as it goes, and follow it.

    Uses the stack that runs in $ONESHOT_HOME, or one of its own for as long as it takes. Exits 0 completed, 3 needs a
    person, 4 cancelled or superseded, 5 parked (--no-wait), 2 refused, 1 otherwise.
    """
    change = ChangeKey.parse(key)
    prompt = _read(prompt_file)
    from rich.console import Console

    from oneshot_dagster.cli.following import exit_code, follow
    from oneshot_dagster.cli.progress import shown
    from oneshot_dagster.local.parts import Web
    from oneshot_dagster.local.stack import running
    from oneshot_dagster.steps.intake import take_in

    console = Console(highlight=False)
    _take_in_beside(change, base=base, prompt=prompt)
    with running(
        web=Web.NONE, say=lambda part, seconds: click.echo(f"  {part} is up ({seconds:.1f} s)", err=True)
    ) as stack:
        taken = take_in(stack.services, change, base=base, prompt=prompt, by=getpass.getuser())
        with shown(console) as show:
            seen = follow(
                stack.services,
                stack.engine.launcher,
                taken.key,
                show=show,
                until=None if wait else lambda seen: seen.parked,
                meanwhile=lambda: _say_all(stack.mend()),
            )
    attempt = seen.attempt
    click.echo(f"{attempt.key} is {attempt.state}: {attempt.reason}")
    if attempt.pr_url:
        click.echo(attempt.pr_url)
    return exit_code(seen)


def _take_in_beside(change: ChangeKey, *, base: str | None, prompt: str) -> None:
    """Where a stack runs already, it starts the change while this process still loads Dagster to follow it."""
    from oneshot_dagster.local.stack import found
    from oneshot_dagster.settings import load

    settings = load()
    if found(settings.home) is None:
        return
    from oneshot_dagster.bootstrap import open_services
    from oneshot_dagster.steps.intake import take_in

    services = open_services(settings)
    try:
        services.store.wake(take_in(services, change, base=base, prompt=prompt, by=getpass.getuser()).key)
    finally:
        services.close()


def _say_all(sentences: list[str]) -> None:
    for said in sentences:
        click.echo(said, err=True)


def _read(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(tried=f"read the prompt in {file}", found=str(problem), do="give a file of text") from None
