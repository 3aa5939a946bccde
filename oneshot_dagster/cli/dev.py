"""`oneshot dev`: the demo's world left running, with the Dagster UI and some issues to try, until Ctrl-C."""

import random
from typing import TYPE_CHECKING

import click

from oneshot_dagster.domain.errors import BadInput

if TYPE_CHECKING:
    from oneshot_dagster.local.forge.client import ForgeClient
    from oneshot_dagster.local.stack import Stack

_WATCH_EVERY = 1.0


@click.command()
@click.option("--web/--no-web", default=True, help="Whether to serve the Dagster UI.")
def dev(web: bool) -> None:  # noqa: FBT001 (click names it)
    """The world of `oneshot demo` left running: forge, deploy supervisor, Postgres, Dagster with its UI."""
    from oneshot_dagster.local.parts import Web
    from oneshot_dagster.local.stack import running
    from oneshot_dagster.local.world import HomeKind

    with running(web=Web.PAGES if web else Web.NONE, say=_said, kind=HomeKind.LOCAL) as stack:
        if not stack.owned:
            raise BadInput(
                tried="start the local world",
                found=f"one that runs in {stack.world.home} already: {', '.join(_urls(stack).values())}",
                do="use that one, or stop it first (its pid stands in stack.json there)",
            )
        _print(stack, _planted(stack))
        while True:
            for said in stack.tend(_WATCH_EVERY):
                click.echo(said)


def _said(part: str, seconds: float) -> None:
    click.echo(f"  {part:<18} {seconds:5.1f} s")


def _planted(stack: "Stack") -> list[tuple[int, str]]:
    """The shop's open issues; one of each kind of issue where there is none."""
    from oneshot_dagster.local.demo.checkout import Remote
    from oneshot_dagster.local.demo.issues import Kind
    from oneshot_dagster.local.demo.plant import OWNER, REPOSITORY, connect, new_issue, plant
    from oneshot_dagster.local.world import WEBHOOKS

    forge = stack.forge()
    remote = Remote(url=forge.clone_url(REPOSITORY), token_file=stack.world.token_file(OWNER))
    plant(forge, remote=remote, supervisor_url=stack.world.service_url, scratch=stack.world.home / "scratch")
    if stack.web.ports:
        connect(forge, url=stack.world.hooks_url, secret=stack.world.token(WEBHOOKS))
    if not _open_issues(forge, REPOSITORY):
        for kind in (Kind.HAPPY, Kind.RED_FIRST, Kind.NEEDS_HUMAN):
            new_issue(forge, kind, random.Random())  # noqa: S311 (no secret)
    return _open_issues(forge, REPOSITORY)


def _open_issues(forge: "ForgeClient", repository: str) -> list[tuple[int, str]]:
    issues = [issue for issue in forge.issues(repository) if not issue.get("pull_request")]
    return sorted((int(issue["number"]), str(issue["title"])) for issue in issues)


def _print(stack: "Stack", issues: list[tuple[int, str]]) -> None:
    from oneshot_dagster.local.demo.plant import REPOSITORY

    click.echo()
    for name, url in _urls(stack).items():
        click.echo(f"  {name:<18} {url}")
    click.echo("\n  open issues that the demo's agent can do:")
    for number, title in issues:
        click.echo(f"    {REPOSITORY}#{number:<4} {title}")
    first = issues[0][0]
    click.echo(f"""
  The label `oneshot` starts one; a button on the forge's page puts it on. In another shell, after `. .venv/bin/activate`:
    oneshot forge issue label {REPOSITORY}#{first}
    oneshot run {REPOSITORY}#{first}
    dagster job launch -j one_shot -w workspace.yaml --tags '{{"dagster/partition": "{REPOSITORY}#{first}"}}'
    oneshot list

  Ctrl-C stops everything; what was done is kept in {stack.world.home}.
""")


def _urls(stack: "Stack") -> dict[str, str]:
    from oneshot_dagster.local.demo.plant import REPOSITORY

    urls = {
        "Dagster UI": stack.world.web_url,
        "forge": f"{stack.world.forge_url}/{REPOSITORY}",
        "deployed service": stack.world.service_url,
    }
    return urls if stack.web.ports else {name: url for name, url in urls.items() if name != "Dagster UI"}
