"""A forge process of its own per test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forge_world import Clone, RunningForge, planted

ForgeMaker = Callable[..., RunningForge]


@pytest.fixture
def make_forge(tmp_path: Path) -> Iterator[ForgeMaker]:
    made: list[RunningForge] = []

    def make(*options: str) -> RunningForge:
        forge = RunningForge(home=tmp_path / f"forge{len(made)}", options=options)
        made.append(forge)
        forge.start()
        return forge

    yield make
    for forge in made:
        for client in forge.clients.values():
            client.close()
        forge.end()


@pytest.fixture
def forge(make_forge: ForgeMaker) -> RunningForge:
    return make_forge()


@pytest.fixture
def shop(forge: RunningForge, tmp_path: Path) -> Clone:
    return planted(forge, tmp_path / "shop")
