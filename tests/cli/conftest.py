"""Commands as a person gives them: in this process, through the real entry, with their own environment; or on a real world."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from click.testing import CliRunner
from store_fixtures import make_store, store, store_template, store_url  # noqa: F401
from world_fixtures import engine, world  # noqa: F401

from oneshot_dagster.cli import main


@dataclass
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


Oneshot = Callable[..., Said]


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def environment(home, store_url) -> dict[str, str | None]:  # noqa: F811
    """The only ONESHOT_ variables that a command sees; a test may add to it."""
    ours = dict.fromkeys(name for name in os.environ if name.startswith("ONESHOT_"))
    return {**ours, "ONESHOT_HOME": str(home), "ONESHOT_DATABASE_URL": store_url, "USER": "grace"}


@pytest.fixture
def oneshot(environment) -> Oneshot:
    def run(*arguments: str, stdin: bytes = b"") -> Said:
        before = sys.argv
        with CliRunner().isolation(input=stdin, env=environment) as (out, err, _):
            sys.argv = ["oneshot", *arguments]
            try:
                code = main._exit_code()
            except SystemExit as end:
                code = end.code
            finally:
                sys.argv = before
            sys.stdout.flush()
            return Said(code=code, out=out.getvalue().decode(), err=err.getvalue().decode())

    return run
