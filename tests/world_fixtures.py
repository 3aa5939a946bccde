"""Fixtures of a whole small world without Dagster: the forge, the demo's deploy supervisor, the planted shop, real services.
A tests folder that wants them imports them in its conftest.py, beside store_fixtures."""

import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from contract import forge_record

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.artifact import Artifact, NotMyTurn, Record
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.local.demo import plant
from oneshot_dagster.local.demo.checkout import Remote
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.settings import Settings
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.take import Caller, taken
from oneshot_dagster.system.tls import trust_for

OWNER_TOKEN, ENGINE_TOKEN = "owner-token-for-tests", "engine-token-for-tests"


@dataclass
class World:
    """One repository acme/shop on a forge; `key` and `issue` of the change that a test planted last."""

    home: Path
    forge: ForgeClient
    url: str
    shop_url: str
    store_url: str

    def plant(self, kind: Kind = Kind.HAPPY, seed: int = 1) -> tuple[ChangeKey, plant.PlantedIssue]:
        issue = plant.new_issue(self.forge, kind, random.Random(seed))
        return ChangeKey.parse(f"{plant.REPOSITORY}#{issue.number}"), issue

    def settings(self, **over: Any) -> Settings:
        values = {
            "home": self.home,
            "database_url": self.store_url,
            "repositories": ["acme/*"],
            "hold_seconds": 60.0,
            "github": {
                "api_url": f"{self.url}/api/v3",
                "graphql_url": f"{self.url}/api/graphql",
                "git_url": self.url,
                "token": ENGINE_TOKEN,
            },
            "agent": {"command": (sys.executable, "-I", str(plant.AGENT))},
        }
        budget = {"stuck_changes": 0, **over.pop("budget", {})}  # many changes of one world end with a person
        return Settings.model_validate({**values, **over, "budget": budget})


class Engine:
    """Takes turns as a Dagster run would."""

    def __init__(self, services: Services, run_id: str) -> None:
        self.services, self.run_id = services, run_id
        self.said: list[str] = []

    def take(self, artifact: Artifact, key: ChangeKey) -> Record | NotMyTurn:
        caller = Caller(run_id=self.run_id, say=self.said.append, others_wait=lambda: False)
        with taken(self.services, artifact, key, caller) as outcome:
            return outcome

    def run(self, key: ChangeKey, *artifacts: Artifact) -> dict[Artifact, Record | NotMyTurn]:
        """As Dagster does: what follows a step that left nothing is skipped."""
        outcomes: dict[Artifact, Record | NotMyTurn] = {}
        for artifact in artifacts or tuple(Artifact):
            outcomes[artifact] = self.take(artifact, key)
            if isinstance(outcomes[artifact], NotMyTurn):
                break
        return outcomes

    def attempt(self, key: ChangeKey) -> Attempt:
        found = self.services.store.runs.latest(key)
        assert found is not None
        return found


def _start(log: Path, *argv: str) -> tuple[subprocess.Popen[bytes], str]:
    """The process and the URL in its ready line."""
    process = subprocess.Popen([sys.executable, "-m", *argv], stdout=subprocess.PIPE, stderr=log.open("wb"))
    assert process.stdout is not None
    line = process.stdout.readline().decode().strip()
    assert "http://" in line, log.read_text()
    return process, line[line.index("http://") :]


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[World]:
    with running_world(tmp_path / "home", store_url) as found:
        yield found


@contextlib.contextmanager
def running_world(home: Path, store_url: str, *forge_options: str) -> Generator[World]:
    home.mkdir()
    people = home / "people.json"
    token = home / "owner-token"
    token.write_text(OWNER_TOKEN)
    people.write_text(json.dumps(plant.people(owner_token=OWNER_TOKEN, engine_token=ENGINE_TOKEN)))
    processes: list[subprocess.Popen[bytes]] = []
    forge_record.begin(home / "forge")
    try:
        forge_process, url = _start(
            home / "forge.log",
            "oneshot_dagster.local.forge",
            "--home",
            str(home / "forge"),
            "--port",
            "0",
            "--people",
            str(people),
            *forge_options,
        )
        processes.append(forge_process)
        remote = Remote(url=f"{url}/{plant.REPOSITORY}.git", token_file=token)
        supervisor, shop_url = _start(
            home / "supervisor.log",
            "oneshot_dagster.local.demo.supervisor",
            "--home",
            str(home / "supervisor"),
            "--port",
            "0",
            "--git-url",
            remote.url,
            "--token-file",
            str(token),
        )
        processes.append(supervisor)
        forge = ForgeClient(url, OWNER_TOKEN)
        plant.plant(forge, remote=remote, supervisor_url=shop_url, scratch=home / "scratch")
        yield World(home=home, forge=forge, url=url, shop_url=shop_url, store_url=store_url)
        assert forge.violations() == []
        forge.close()
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)
    forge_record.check(home / "forge")


@pytest.fixture
def engine(world: World) -> Iterator[Callable[..., Engine]]:
    opened: list[Services] = []

    def make(run_id: str = "run-1", **over: object) -> Engine:
        opened.append(open_services(world.settings(**over)))
        return Engine(opened[-1], run_id)

    yield make
    for services in opened:
        services.close()


def served(url: str) -> dict[str, object]:
    return httpx.get(f"{url}/_supervisor", timeout=5, verify=trust_for(url)).json()
