"""A run that is killed while a model judges, or whose model is away, is continued: one verdict, one comment, one merge."""

import sys
import threading

import pytest
from judge_model import opinion, passes
from process_launcher import ProcessLauncher, sealed, until
from world_facts import deploys, merges, pulls, tip

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.model.items import structured
from oneshot_dagster.local.model.script import Reply, status
from oneshot_dagster.local.model.server import model_server
from oneshot_dagster.steps.intake import take_in

IN_THE_JUDGES_COMMENT = """store.artifacts.add_evaluation pass after
store.writes.intend comment after
github.comment - after"""


@pytest.fixture
def model():
    with model_server() as found:
        yield found


@pytest.fixture
def completed(shared_world, model):
    """A change that the resumer carries to its end; returns what it was looked at with."""
    opened = []

    def carry(player, crash_at: str = "", **over):
        model.play(player)
        judge = {"kind": "model", "model": "m-1", "base_url": model.base_url()}
        crash = shared_world.home / "crash"
        crash.write_text(crash_at)
        services = open_services(shared_world.settings(judge=judge, **over))
        settings = shared_world.settings(judge=judge, crash_file=crash, **over)
        launcher = ProcessLauncher(settings=settings, logs=shared_world.home / "runs")
        opened.append((services, launcher))
        since = tip(shared_world)
        key, _ = shared_world.plant()
        take_in(services, key, base=None, prompt="", by="ada")
        attempt = until(services, launcher, key, ended)
        assert attempt.state is State.COMPLETED, launcher.said(key)
        assert merges(shared_world, since) == [attempt.merge_sha]
        assert len(pulls(shared_world, key)) == 1
        assert deploys(shared_world, attempt.merge_sha or "") == 1
        return services, launcher, key, attempt

    yield carry
    (shared_world.home / "crash").unlink(missing_ok=True)
    for services, launcher in opened:
        launcher.close()
        services.close()


def ended(attempt) -> bool:
    return sealed(attempt) and attempt.state is not State.NEEDS_ITERATION


def judges_comments(world, attempt):
    comments = world.forge.comments(attempt.key.repository, attempt.pr_number)
    return [str(c["body"]) for c in comments if ":judge -->" in str(c["body"])]


@pytest.mark.parametrize(
    "crash_at", ["judge.ask - before", "judge.ask - after", IN_THE_JUDGES_COMMENT], ids=["before", "after", "comment"]
)
def test_killed_while_a_model_judges_it_is_judged_again_and_told_once(completed, shared_world, crash_at):
    _, launcher, _, attempt = completed(passes, crash_at)
    assert not (shared_world.home / "crash").exists()
    assert "failure" in launcher.ends()
    (told,) = judges_comments(shared_world, attempt)
    assert "`pass`" in told
    assert attempt.head_sha in told


def test_a_model_that_is_away_costs_a_retry_and_no_verdict(completed):
    answers = iter([status(500), status(429, headers={"retry-after": "1"})])
    lock = threading.Lock()

    def player(asked):
        with lock:
            fault = next(answers, None)
        return fault or passes(asked)

    services, _, key, attempt = completed(player)
    assert attempt.infrastructure_retries == 2
    assert len(services.store.artifacts.evaluations(attempt.id)) == 1
    assert len(services.store.runs.all_of(key)) == 1


AGENT = """
import pathlib, sys
prompt = sys.stdin.read()
test = "import unittest\\nfrom shop.pricing import percent_off\\n\\nclass Lamp77(unittest.TestCase):\\n"
test += "    def test_it(self):\\n        self.assertEqual(percent_off('lamp', 77), 4)\\n"
if "Test the boundary as well." in prompt:
    test += "\\n    def test_not_yet(self):\\n        self.assertNotEqual(percent_off('lamp', 76), 4)\\n"
pathlib.Path("tests/test_lamp_77.py").write_text(test)
pathlib.Path("shop/discounts/lamp_77.py").write_text(
    "'77 or more of lamp: 4 % off'\\nfrom shop.tier import Tier\\n\\nTIER = Tier(sku='lamp', over=76, percent=4)\\n")
"""


def test_what_the_model_misses_is_made_by_the_next_attempt_which_it_passes(completed, shared_world, tmp_path):
    """The model reads the patch: it passes once the test is there that it asked for."""
    script = tmp_path / "agent.py"
    script.write_text(AGENT)

    def player(asked):
        return passes(asked) if "test_not_yet" in asked.prompt else Reply(structured(opinion("needs_iteration")))

    services, _, key, attempt = completed(player, agent={"command": (sys.executable, "-I", str(script))})
    first, second = services.store.runs.all_of(key)
    assert (first.state, first.next_prompt) == (State.NEEDS_ITERATION, "Test the boundary as well.")
    assert second.id == attempt.id
    (told,) = judges_comments(shared_world, attempt)
    assert "`pass`" in told
    assert attempt.head_sha in told
