"""Changes that wait with webhooks wholly absent: the resumer leaves them alone until a glance shows something new."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fault_matrix import LOGIN, Inline

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.steps.ask import ask
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.reconcile import reconcile, share
from oneshot_dagster.steps.resume import continue_changes


class Waiting:
    """A change that waits for a check `later`, and who looks at it."""

    def __init__(self, world, services) -> None:
        self.forge = world.forge
        self.services = replace(services, limits=replace(services.limits, glance_seconds=0.0))
        self.launcher = Inline(self.services)
        self.ci = world.forge.create_app("later-ci", "acme", {"checks": "write"})
        self.key, _ = world.plant()
        self.database = world.store_url
        take_in(self.services, self.key, base=None, prompt="", by="ada")
        world.forge.set_protection(self.key.repository, "main", contexts=["ci", "later"])

    def tick(self) -> list[str]:
        return continue_changes(self.services, self.launcher)

    def asked(self) -> int:
        return sum(row["login"] == LOGIN for row in self.forge.requests())

    def time_passes(self) -> None:
        """What was written or heard lies a minute back."""
        with psycopg.connect(libpq_url(self.database), autocommit=True) as connection:
            connection.execute("update codex_judge.runs set updated_at = updated_at - interval '1 min'")
            connection.execute("update codex_judge.looks set woken_at = woken_at - interval '1 min'")

    def settles(self) -> None:
        """Until CI itself is done, nothing is new to a glance, and the resumer has rested it."""
        deadline = time.monotonic() + 30
        while not any(self._done("ci")) and time.monotonic() < deadline:
            time.sleep(0.05)
        for _ in range(5):
            self.time_passes()
            if not reconcile(self.services).new and not self.services.store.looks.due():
                return
            self.tick()
        pytest.fail(f"it does not come to rest: {self.tick()}")

    def _done(self, name: str) -> list[bool]:
        runs = self.forge.check_runs(self.key.repository, self.attempt.head_sha)
        return [run["status"] == "completed" for run in runs if run["name"] == name]

    def report(self, conclusion: str) -> None:
        body = {"name": "later", "head_sha": self.attempt.head_sha, "status": "completed", "conclusion": conclusion}
        ci = ForgeClient(self.forge.url, self.ci["token"])
        ci.api("POST", self.key.repository, "/check-runs", body)
        ci.close()

    @property
    def attempt(self):
        return self.services.store.runs.latest(self.key)


@pytest.fixture
def waiting(world, engine):
    found = Waiting(world, engine(hold_seconds=0.0).services)
    found.tick()
    assert found.attempt.awaited is not None
    found.settles()
    return found


def test_a_change_that_waits_costs_no_call_and_one_query_a_glance(waiting) -> None:
    before = waiting.asked()

    assert waiting.tick() == []
    assert waiting.asked() == before
    assert reconcile(waiting.services).new == ()
    assert waiting.asked() == before + 1


def test_what_opens_the_gate_is_found_without_a_webhook_and_the_change_goes_on(waiting) -> None:
    waiting.report("success")
    assert waiting.tick() == []

    assert reconcile(waiting.services).new == (waiting.key,)
    said = waiting.tick()

    assert waiting.attempt.judged_sha is not None, said


def test_a_request_of_a_person_is_seen_at_the_next_tick(waiting) -> None:
    ask(waiting.services, waiting.attempt, "stop", by="ada")

    assert "stop" in "; ".join(waiting.tick())
    assert waiting.attempt.state is State.CANCELLED


def test_the_deadline_needs_nobody_to_tell(waiting) -> None:
    with psycopg.connect(libpq_url(waiting.database), autocommit=True) as connection:
        connection.execute("update codex_judge.runs set awaited_deadline = now() - interval '1 s'")
        connection.execute("update codex_judge.looks set due = due - interval '1 year'")

    waiting.tick()

    assert (waiting.attempt.state, waiting.attempt.human_reason) == (State.NEEDS_HUMAN, "ci_timeout")


def test_while_github_is_away_nothing_is_taken_for_seen(waiting) -> None:
    waiting.report("success")
    waiting.forge.arm("502_before", login=LOGIN, times=0)
    with pytest.raises(TryAgain):
        reconcile(waiting.services)
    waiting.forge.clear_faults()

    assert reconcile(waiting.services).new == (waiting.key,)


@pytest.mark.parametrize(("passed", "expected"), [(0.0, 75), (5.0, 75), (8.0, 120), (60.0, 150)])
def test_a_tick_that_comes_late_glances_at_more_and_never_at_too_many(passed: float, expected: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert share(now - timedelta(seconds=passed), now) == expected
    assert share(None, now) == 75
