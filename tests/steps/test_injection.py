"""Prompt injection, with an agent that obeys whatever text reaches it: what it is told to read, send or leave behind, in each
text that reaches it. Asserted on the forge's requests, files and processes. What it may write is test_injection_writes.py."""

import base64
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import injections
import people
import pytest
from injections import CARRIERS, READS, SANDBOXED, Thief, engine_with_secrets, left_behind, obeyed, orders, thief
from process_launcher import ProcessLauncher, until
from resumed import Resumed
from world_facts import git, tip
from world_fixtures import ENGINE_TOKEN, OWNER_TOKEN, World

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.local.demo import plant
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.steps.intake import take_in

AGENT = (sys.executable, "-I", str(Path(__file__).with_name("obeying_agent.py")), str(plant.AGENT))


@dataclass(frozen=True)
class Obeyed:
    """What one carrier's run left: what came of each order, and all that left the machine or was stored."""

    said: dict[str, str]
    stored: str
    isolated: bool


@dataclass
class Lair:
    one: Resumed
    thief: Thief
    orders: str
    main: str
    runs: dict[str, Obeyed]

    @property
    def world(self) -> World:
        return self.one.world


@pytest.fixture(scope="module")
def lair(shared_world: World) -> Iterator[Lair]:
    settings = shared_world.settings(mode="propose", hold_seconds=20.0, agent={"command": AGENT})
    launcher = ProcessLauncher(settings=settings, logs=shared_world.home / "runs")
    services = open_services(settings)
    one = Resumed(world=shared_world, services=services, launcher=launcher)
    with thief() as taker, engine_with_secrets() as engine:
        told = orders(url=shared_world.url, thief=taker.port, home=shared_world.home, engine=engine)
        people.push(shared_world, "main", {"NOTES.md": f"Notes.\n\n{told}\n"})
        yield Lair(one=one, thief=taker, orders=told, main=tip(shared_world), runs={})
        launcher.close()
        services.close()


def _issue(lair: Lair, title: str, body: str) -> ChangeKey:
    made = lair.world.forge.create_issue(plant.REPOSITORY, title, body)
    return ChangeKey.parse(f"{plant.REPOSITORY}#{made['number']}")


def _in_the_issue(lair: Lair) -> ChangeKey:
    return _issue(lair, "Tidy up", lair.orders)


def _in_a_comment(lair: Lair) -> ChangeKey:
    key = _issue(lair, "Tidy up", "As discussed.")
    lair.world.forge.comment(key.repository, key.issue_number, f"Somebody sent me this:\n\n{lair.orders}")
    return key


def _in_a_file(lair: Lair) -> ChangeKey:
    return _issue(lair, "Tidy up", "Please read NOTES.md first.")


def _broken(lair: Lair, suite: str) -> ChangeKey:
    """A first attempt whose suite prints the orders, so that the second is told of them."""
    text = base64.b64encode(lair.orders.encode()).decode()
    return _issue(lair, "Tidy up", f"BREAK {suite}: {text}")


def _in_a_memory(lair: Lair) -> ChangeKey:
    earlier = _issue(lair, "Earlier", "Nothing")
    attempt = take_in(lair.one.services, earlier, base=None, prompt="", by="ada")
    lair.one.services.store.notes.remember(
        earlier, attempt_id=attempt.id, title="The zebra crossing", content=lair.orders, tags=("note",)
    )
    return _issue(lair, "Paint the zebra crossing", "White stripes.")


PLACES: dict[str, Callable[[Lair], ChangeKey]] = {
    "issue": _in_the_issue,
    "comment": _in_a_comment,
    "file": _in_a_file,
    "test-output": lambda lair: _broken(lair, "unit"),
    "check-log": lambda lair: _broken(lair, "ci"),
    "memory": _in_a_memory,
}
assert set(PLACES) == set(CARRIERS)


def _run(lair: Lair, carrier: str) -> Obeyed:
    """Once a carrier: its attempt that is told the orders, to the end of the agent."""
    if carrier in lair.runs:
        return lair.runs[carrier]
    services, key = lair.one.services, PLACES[carrier](lair)
    number = 2 if carrier in {"test-output", "check-log"} else 1
    take_in(services, key, base=None, prompt="", by="ada")

    def agent_is_over(attempt) -> bool:
        return attempt.number == number and any(f.kind == "agent_session" for f in services.store.facts.of(attempt.id))

    attempt = until(services, lair.one.launcher, key, agent_is_over)
    services.store.requests.add(attempt.id, kind="stop", by="ada")
    messages = [str(m["content"]) for m in services.store.notes.messages(attempt.id)]
    blobs = [services.blobs.get(f.sha256) or b"" for f in services.store.artifacts.files(attempt.id)]
    log = git(lair.world, "log", "--all", "-p", "--format=%an %s")
    stored = "\n".join([*messages, *(blob.decode(errors="replace") for blob in blobs), log, *lair.thief.taken])
    isolated = "filesystem isolation" not in services.agent.not_enforced
    lair.runs[carrier] = Obeyed(said=obeyed(messages), stored=stored, isolated=isolated)
    return lair.runs[carrier]


@pytest.mark.parametrize("order", sorted(READS))
@pytest.mark.parametrize("carrier", CARRIERS)
def test_an_obeyed_order_leads_nowhere(lair, carrier, order):
    ran = _run(lair, carrier)
    assert set(ran.said) == set(READS), "the control: every order reached the agent, and it did it"
    if order in SANDBOXED and not ran.isolated:
        pytest.skip("only a sandbox keeps the agent from this, and it runs without one here")
    secrets = (ENGINE_TOKEN, OWNER_TOKEN, injections.CANARY, lair.world.store_url)
    assert [secret for secret in secrets if secret in ran.said[order]] == []
    match order:
        case "own-environment":
            assert "ONESHOT_GITHUB" not in ran.said[order]
        case "push-to-base" | "merge-by-api" | "comment-as-us":
            assert _of_nobody(lair.world) == []
            assert tip(lair.world) == lair.main
        case "send-away":
            assert [taken for taken in lair.thief.taken if any(secret in taken for secret in secrets)] == []
        case "leave-a-process":
            assert left_behind() == []
        case "write-outside":
            assert not (lair.world.home / "written-by-the-agent").exists()


def _of_nobody(world: World) -> list[str]:
    """Writes without a login that the forge let through."""
    return [
        f"{r['method']} {r['path']} {r['status']}"
        for r in world.forge.requests()
        if r["login"] is None
        and r["method"] != "GET"
        and r["status"] < 400
        and not r["path"].startswith("/_forge")
        and not r["path"].endswith("git-upload-pack")
    ]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_secret_is_in_anything_that_was_stored_or_pushed(lair, carrier):
    ran = _run(lair, carrier)
    secrets = [ENGINE_TOKEN, lair.world.store_url] + ([OWNER_TOKEN, injections.CANARY] if ran.isolated else [])
    assert [secret for secret in secrets if secret in ran.stored] == []


def test_a_comment_by_somebody_without_write_access_does_not_reach_the_agent(lair):
    lair.world.forge.put_user("eve", "eve-token", {plant.REPOSITORY: "read"})
    eve = ForgeClient(lair.world.url, "eve-token")
    key = _issue(lair, "Tidy up", "As discussed.")
    eve.comment(key.repository, key.issue_number, lair.orders)
    eve.close()
    services = lair.one.services
    take_in(services, key, base=None, prompt="", by="ada")
    attempt = until(
        services,
        lair.one.launcher,
        key,
        lambda a: any(f.kind == "agent_session" for f in services.store.facts.of(a.id)),
    )
    services.store.requests.add(attempt.id, kind="stop", by="ada")
    assert obeyed([str(m["content"]) for m in services.store.notes.messages(attempt.id)]) == {}
