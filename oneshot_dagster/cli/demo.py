"""`oneshot demo`: one issue of the demo's shop from its label to what the scenario promises, and the proof of it.
What each scenario must come to is demo_scenarios.py, what is printed afterwards demo_summary.py."""

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from oneshot_dagster.domain.errors import BadInput

if TYPE_CHECKING:
    from oneshot_dagster.local.stack import Stack

SCENARIOS = ("happy", "red-first", "needs-human", "propose", "bad-deploy")
AGENTS = ("demo", "codex")
_MODE = "ONESHOT_MODE"


@click.command()
@click.option("--scenario", type=click.Choice(SCENARIOS), default="happy", help="What the issue is made to lead to.")
@click.option("--agent", type=click.Choice(AGENTS), default="demo", help="Who does the work; codex needs its wheel.")
@click.option(
    "--model", help="Of Codex: a model of OpenAI's service, with OPENAI_API_KEY set; else a scripted one answers."
)
def demo(scenario: str, agent: str, model: str | None) -> int:
    """One issue to a merged, deployed, verified change, with no account and nothing installed.

    Exits 0 only if the scenario came to its end and the demo has seen so itself, over HTTP and in git.
    """
    if agent == "demo":
        return _played(scenario)
    from oneshot_dagster.local.demo.codex import codex

    with codex(model, os.environ) as behind:
        return _played(scenario, agent=f"Codex with {behind}")


def _played(scenario: str, *, agent: str = "") -> int:
    if scenario == "propose":
        os.environ[_MODE] = "propose"  # before any process of the stack is started
    from rich.console import Console

    from oneshot_dagster.local.parts import Web
    from oneshot_dagster.local.stack import running
    from oneshot_dagster.local.world import HomeKind

    console, began = Console(highlight=False), time.monotonic()
    console.print(f"oneshot demo: {scenario}{f', by {agent}' if agent else ''}\n", style="bold")
    with running(web=Web.HOOKS, say=_said, kind=HomeKind.LOCAL) as stack:
        _refuse_others_stack(stack, f"the scenario {scenario}" if scenario == "propose" else agent)
        from oneshot_dagster.cli.demo_scenarios import play
        from oneshot_dagster.local.demo.issues import Kind

        code = play(stack, Kind(scenario), console, began=began)
        if sys.stdin.isatty() and console.is_terminal:
            click.echo("\nThe world stays up until you press Enter. ", nl=False)
            sys.stdin.readline()
        return code


def _said(part: str, seconds: float) -> None:
    click.echo(f"  {part:<18} {seconds:5.1f} s")


def _refuse_others_stack(stack: "Stack", wanted: str) -> None:
    if wanted and not stack.owned:
        raise BadInput(
            tried=f"play {wanted}",
            found=f"a stack that runs in {stack.world.home} already, with its own settings",
            do="stop that one first, or choose another ONESHOT_HOME and other ONESHOT_PORTS__*",
        )
