"""One stack a worker for all whole runs that leave it whole; who breaks a stack makes one of their own with `make_world`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stack_world import StackWorld

MakeWorld = Callable[..., StackWorld]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, make_lasting_database: Callable[[], str]) -> Iterator[StackWorld]:
    made = StackWorld(tmp_path_factory.mktemp("world") / "home", database_url=make_lasting_database())
    try:
        made.start()
        yield made
    finally:
        made.end()
    made.check_forge()


@pytest.fixture
def make_world(tmp_path: Path, make_database: Callable[[], str]) -> Iterator[MakeWorld]:
    """Not started yet. `embedded`: with a Postgres of its own; `env`: settings of its operator."""
    made: list[StackWorld] = []

    def make(*, embedded: bool = False, env: dict[str, str] | None = None, web: bool = False) -> StackWorld:
        url = None if embedded else make_database()
        made.append(StackWorld(tmp_path / f"home{len(made)}", database_url=url, env=env, web=web))
        return made[-1]

    yield make
    for one in made:
        one.end()
    for one in made:
        one.check_forge()
