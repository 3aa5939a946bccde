"""The command `oneshot` itself: light until a command is used, and every command that it lists is there."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from oneshot_dagster.cli.main import oneshot

CHECKOUT = Path(__file__).resolve().parents[2]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, *arguments), cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", oneshot.list_commands(click.Context(oneshot)))
def test_every_listed_command_is_there_and_says_what_it_does(name: str) -> None:
    command = oneshot.get_command(click.Context(oneshot), name)

    assert command is not None
    assert command.name == name
    assert command.help


def test_help_imports_nothing_heavy() -> None:
    heavy = ("dagster", "sqlalchemy", "psycopg", "githubkit", "pydantic", "rich", "httpx")
    code = (
        "import sys\nfrom oneshot_dagster.cli.main import oneshot\n"
        "oneshot(['--help'], standalone_mode=False)\n"
        f"print('loaded', [name for name in {heavy!r} if name in sys.modules])"
    )

    said = python("-c", code)

    assert said.returncode == 0
    assert said.stdout.splitlines()[-1] == "loaded []"


def test_an_unknown_command_is_refused_with_two() -> None:
    said = python("-m", "oneshot_dagster.cli.main", "frobnicate")

    assert said.returncode == 2
    assert "frobnicate" in said.stderr


@pytest.mark.parametrize("name", ["demo", "dev", "run"])
def test_the_help_of_a_command_that_starts_the_world_does_not_load_dagster(name: str) -> None:
    code = (
        "import sys\nfrom oneshot_dagster.cli.main import oneshot\n"
        f"oneshot([{name!r}, '--help'], standalone_mode=False)\nprint('dagster' in sys.modules)"
    )

    assert python("-c", code).stdout.splitlines()[-1] == "False"
