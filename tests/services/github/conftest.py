"""A GitHub client against a scripted server, and one against a forge."""

import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contract import forge_record
from forge_shop import PEOPLE, Shop
from scripted_github import Script, serving

from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.services.github.client import GitHubClient


@pytest.fixture
def script() -> Script:
    return Script()


@contextmanager
def client_of(script: Script, **given: float) -> Generator[GitHubClient]:
    with serving(script) as url:
        client = GitHubClient(
            api_url=f"{url}/api/v3", graphql_url=f"{url}/api/graphql", token=lambda: "secret-token", **given
        )
        yield client
        client.close()


@pytest.fixture
def github(script: Script) -> Iterator[GitHubClient]:
    with client_of(script) as client:
        yield client


@pytest.fixture
def hasty(script: Script) -> Iterator[GitHubClient]:
    """One that does not wait long, for answers that never come."""
    with client_of(script, timeout=1.0) as client:
        yield client


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    home = tmp_path_factory.mktemp("forge")
    people = home / "people.json"
    people.write_text(json.dumps(PEOPLE))
    forge_record.begin(home / "world")
    argv = [sys.executable, "-m", "oneshot_dagster.local.forge", "--home", str(home / "world"), "--people", str(people)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()
    forge_record.check(home / "world")


@pytest.fixture(scope="module")
def reporters(forge: str) -> Iterator[dict[str, ForgeClient]]:
    """Only an App makes check runs: one for CI, one of our name."""
    owner = ForgeClient(forge, "owner-token")
    made = {name: owner.create_app(name, "acme", {"checks": "write"}) for name in ("ci-runner", "oneshot")}
    clients = {name: ForgeClient(forge, app["token"]) for name, app in made.items()}
    yield clients
    for client in (owner, *clients.values()):
        client.close()


@pytest.fixture
def shop(
    forge: str, reporters: dict[str, ForgeClient], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Shop]:
    owner = ForgeClient(forge, "owner-token")
    github = GitHubClient(api_url=f"{forge}/api/v3", graphql_url=f"{forge}/api/graphql", token=lambda: "bot-token")
    shop = Shop(owner, github, tmp_path / "clone", f"acme/{request.node.name[5:].replace('_', '-')}", reporters)
    yield shop
    assert owner.violations() == []
    shop.close()
