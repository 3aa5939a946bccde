"""Attempts that walk in circles stop for a person, who can let them try again with a word more: the same failures, and an undoing."""

import base64
import sys
from pathlib import Path
from random import Random

import people
import pytest
from process_launcher import ProcessLauncher, sealed, until
from resumed import Resumed

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo import plant
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.steps.ask import ask
from oneshot_dagster.steps.explain import explain
from oneshot_dagster.steps.intake import take_in

AGENT = (sys.executable, "-I", str(Path(__file__).with_name("obeying_agent.py")), str(plant.AGENT))


@pytest.fixture
def proposing(shared_world):
    settings = shared_world.settings(mode="propose", agent={"command": AGENT})
    launcher = ProcessLauncher(settings=settings, logs=shared_world.home / "runs")
    yield Resumed(world=shared_world, services=open_services(settings), launcher=launcher)
    launcher.close()


def _broken_then(one: Resumed, order: str) -> ChangeKey:
    """The first attempt adds a test that fails and prints the order; the second does what it says."""
    text = base64.b64encode(f"DO it: {order}".encode()).decode()
    made = one.world.forge.create_issue(plant.REPOSITORY, "Tidy up", f"BREAK unit: {text}")
    key = ChangeKey.parse(f"{plant.REPOSITORY}#{made['number']}")
    take_in(one.services, key, base=None, prompt="", by="ada")
    return key


def _prompt(one: Resumed, attempt) -> str:
    files = [f for f in one.services.store.artifacts.files(attempt.id) if f.name == "implementation-prompt"]
    return (one.services.blobs.get(files[-1].sha256) or b"").decode()


def test_the_same_failures_twice_are_for_a_person_whose_answer_starts_another_attempt(proposing):
    one = proposing
    text = people.policy(one.world)
    advisory = text.replace("[tests]\n", "[tests]\nadvisory = true\n")  # so that both attempts wait for what CI says
    people.push(one.world, "main", {".oneshot.toml": advisory})
    key = _broken_then(one, "date +%s%N >> README.md")
    stopped = until(one.services, one.launcher, key, lambda a: a.state is State.NEEDS_HUMAN and sealed(a))
    assert (stopped.number, stopped.human_reason) == (2, "no_progress")
    brief = explain(one.services, stopped).brief
    for word in ("What was asked", "What was tried", "Where it stands", f"oneshot answer {key} TEXT", "oneshot retry"):
        assert word in brief
    ask(one.services, stopped, "answer", by="ada", text="The loud test has to go.")
    third = until(one.services, one.launcher, key, lambda a: a.number == 3 and a.pr_number is not None)
    prompt = _prompt(one, third)
    assert "```answer of ada\nThe loud test has to go.\n```" in prompt
    assert "two attempts in a row failed alike" in prompt or "failed: ci" in prompt
    people.push(one.world, "main", {".oneshot.toml": text})


def test_an_attempt_that_takes_back_the_one_before_is_for_a_person(proposing):
    one = proposing
    key = _broken_then(one, "rm tests/test_loud.py")
    stopped = until(one.services, one.launcher, key, lambda a: a.state is State.NEEDS_HUMAN and sealed(a))
    assert (stopped.number, stopped.human_reason) == (2, "undone")
    assert "oneshot answer" in explain(one.services, stopped).brief


def test_a_judge_that_misses_the_same_twice_is_for_a_person(proposing):
    one = proposing
    issue = plant.new_issue(one.world.forge, Kind.HAPPY, Random("twice"))
    key = ChangeKey.parse(f"{plant.REPOSITORY}#{issue.number}")
    one.world.forge.comment(
        key.repository, key.issue_number, "WORK, and DO it: date +%s%N >> README.md; rm -f tests/test_pricing.py"
    )
    take_in(one.services, key, base=None, prompt="", by="ada")
    stopped = until(one.services, one.launcher, key, lambda a: a.state is State.NEEDS_HUMAN and sealed(a))
    assert (stopped.number, stopped.human_reason, stopped.human_from) == (2, "no_progress", State.JUDGING)
    assert "judged alike" in stopped.reason
