"""A forge process of its own per test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contract import forge_record
from forge_world import SHOP, Clone, RunningForge, planted
from hook_ear import SECRET, Ear
from store_fixtures import make_store, store, store_template, store_url  # noqa: F401

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
    for forge in made:
        forge_record.check(forge.home)


@pytest.fixture
def forge(make_forge: ForgeMaker) -> RunningForge:
    return make_forge()


@pytest.fixture
def shop(forge: RunningForge, tmp_path: Path) -> Clone:
    return planted(forge, tmp_path / "shop")


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear().listen()
    yield ear
    ear.close()


@pytest.fixture
def hook(forge: RunningForge, shop: Clone, ear: Ear) -> int:
    """A webhook of the shop that hears everything, pinged already."""
    made = forge.ada.add_hook(SHOP, ear.url, secret=SECRET)
    # That it came is known there a moment after it came.
    ear.until(lambda: len(forge.ada.hook_deliveries(SHOP, made["id"])) == 1)
    return made["id"]
