"""A change by the real Codex and a scripted model: what faults of its model's service come to. One goes through all the steps;
the others as far as its agent's work does, and into the state that follows."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from process_launcher import ProcessLauncher, sealed, until
from resumed import Resumed
from world_facts import assert_evidence_verifies, strays

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo import model
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.model.items import added, message, shell
from oneshot_dagster.local.model.script import Break, Fault, Reply, Tokens, Turn, status
from oneshot_dagster.local.model.server import ModelServer, model_server
from oneshot_dagster.steps.intake import take_in

KEY = "sk-scripted-0123456789abcdefXYZ"


ITS_WORK = (Artifact.WORKTREE, Artifact.PATCH, Artifact.EVIDENCE)


def done(attempt: Attempt) -> bool:
    """The agent has finished; what follows is not its own."""
    return attempt.state is State.TESTING


def stopped(attempt: Attempt) -> bool:
    return attempt.state is State.NEEDS_HUMAN


@dataclass
class Codex:
    """A world whose agent is Codex, and the model behind it."""

    resumed: Resumed
    server: ModelServer
    launcher: ProcessLauncher | None = None

    def starts(
        self, kind: Kind = Kind.HAPPY, *turns: Turn, artifacts: tuple[Artifact, ...] = ITS_WORK, **over: object
    ) -> ChangeKey:
        """The turns are played first, and the demo's model after them. Its runs do those artifacts alone."""
        world = self.resumed.world
        key, self.issue = world.plant(kind)
        script = self.server.script(*turns, name="change")
        self.server.play(lambda asked: script(asked) if script.remaining else model.play(asked), name="change")
        agent = {"kind": "codex", "model": model.MODEL, "base_url": self.server.base_url("change"), "api_key": KEY}
        agent |= {name: over.pop(name) for name in ("wall_seconds", "stall_seconds", "patch_mb") if name in over}
        settings = world.settings(agent=agent, **over)
        self.launcher = ProcessLauncher(settings=settings, logs=world.home / "runs", artifacts=artifacts)
        take_in(self.resumed.services, key, base=None, prompt="", by="ada")
        return key

    def comes_to(self, key: ChangeKey, settled=sealed) -> Attempt:
        assert self.launcher is not None
        return until(self.resumed.services, self.launcher, key, settled, seconds=120)

    def files(self, attempt: Attempt) -> list[str]:
        return [file.name for file in self.resumed.services.store.artifacts.files(attempt.id)]

    def sessions(self, key: ChangeKey) -> list[dict]:
        store = self.resumed.services.store
        attempts = store.runs.all_of(key)
        return [f.data for a in attempts for f in store.facts.of(a.id) if f.kind == "agent_session"]


@pytest.fixture
def codex(resumed: Resumed) -> Iterator[Codex]:
    with model_server() as server:
        found = Codex(resumed, server)
        yield found
        if found.launcher is not None:
            found.launcher.close()
        assert strays(resumed.world) == []


def test_red_ci_is_mended_by_the_same_session_in_the_next_attempt(codex):
    key = codex.starts(Kind.RED_FIRST, artifacts=tuple(Artifact))
    attempt = codex.comes_to(key, lambda found: sealed(found) and found.state is State.COMPLETED)
    assert codex.issue.check(codex.resumed.world.shop_url).ok
    first, second = codex.resumed.services.store.runs.all_of(key)
    assert (first.state, first.agent_resume) == (State.NEEDS_ITERATION, second.agent_resume)
    assert len({asked.headers["thread-id"] for asked in codex.server.requests("change")}) == 1
    said = codex.resumed.services.store.notes.messages(second.id)
    assert {"session", "message", "command", "files", "usage"} <= {message["kind"] for message in said}
    shown = codex.resumed.services.store.artifacts.records(attempt.id)[Artifact.PATCH].record.shown
    assert shown["input_tokens"] == 400
    assert shown["change_tokens"] == 880
    assert shown["change_usd"] == "unknown"
    forge, told = codex.resumed.world.forge, "unknown, 880 tokens"
    assert f"Used for it so far: {told}." in forge.pull(key.repository, attempt.pr_number)["body"]
    assert f"cost so far: {told}" in forge.comments(key.repository, key.issue_number)[0]["body"]
    assert_evidence_verifies(codex.resumed.services, key)


def test_a_service_that_is_down_for_a_while_costs_a_retry_and_no_work(codex):
    half = Reply(added({"shop/half.py": "HALF = True"}))
    key = codex.starts(Kind.HAPPY, half, status(429, reason="rate_limit_exceeded"))
    attempt = codex.comes_to(key, done)
    assert (attempt.number, attempt.infrastructure_retries) == (1, 1)
    first, second = codex.sessions(key)
    assert "429" in first["reason"]
    assert (first["tokens"], second["end"]) == (110, "finished")
    patch = codex.resumed.services.git.patch(key, base_sha=attempt.base_sha, head_sha=attempt.head_sha)
    assert b"HALF = True" in patch


def test_a_refused_key_asks_a_person_and_goes_on_once_it_is_mended(codex):
    key = codex.starts(Kind.HAPPY, status(401, text=f"Incorrect API key: {KEY}", times=4))
    attempt = codex.comes_to(key, stopped)
    assert attempt.human_reason == "agent_key_refused"
    assert KEY not in attempt.reason
    codex.resumed.services.store.requests.add(attempt.id, kind="retry", by="ada")
    assert codex.comes_to(key, done)


def test_an_endless_loop_ends_at_the_budget_of_tokens_with_its_work_kept(codex):
    loop = Reply(shell("echo more >> more.txt"), tokens=Tokens(input=20_000), times=None)
    key = codex.starts(
        Kind.HAPPY, loop, budget={"tokens": 50_000, "prices": {model.MODEL: {"input": 10, "output": 30}}}
    )
    attempt = codex.comes_to(key)
    assert (attempt.state, attempt.human_reason) == (State.NEEDS_HUMAN, "tokens_spent")
    assert_evidence_verifies(codex.resumed.services, key)
    assert attempt.head_sha != attempt.base_sha
    (session,) = codex.sessions(key)
    assert session["usd"] == pytest.approx(session["input_tokens"] * 1e-5 + session["output_tokens"] * 3e-5)


def test_an_agent_that_is_never_done_is_sent_back_at_its_wall(codex):
    loop = Reply(shell("sleep 0.5; echo more >> more.txt"), times=None)
    key = codex.starts(Kind.HAPPY, loop, wall_seconds=5)
    attempt = codex.comes_to(key, lambda found: found.state is State.NEEDS_ITERATION)
    assert "its time for one attempt" in attempt.reason
    assert {"implementation-session", "implementation-patch"} <= set(codex.files(attempt))


def test_a_silent_model_is_tried_again_without_an_attempt(codex):
    key = codex.starts(Kind.HAPPY, Fault(kind=Break.SILENCE), stall_seconds=3)
    attempt = codex.comes_to(key, done)
    assert (attempt.number, attempt.infrastructure_retries) == (1, 1)


def test_a_refusal_changes_nothing_and_costs_an_attempt(codex):
    key = codex.starts(Kind.HAPPY, Reply(message("I would rather not.")))
    codex.comes_to(key, lambda found: found.number == 2)
    first = codex.resumed.services.store.runs.all_of(key)[0]
    assert first.reason.startswith("the agent changed nothing")
    assert codex.comes_to(key, done).number == 2


def test_a_link_out_of_the_repository_is_a_persons_to_look_at(codex):
    key = codex.starts(
        Kind.HAPPY, Reply(shell("ln -s /etc/passwd shop/names.txt; echo x > x.txt")), Reply(message("ok"))
    )
    assert codex.comes_to(key, stopped).human_reason == "patch_outside_repository"


def test_a_patch_over_its_size_is_a_persons_to_look_at(codex):
    big = Reply(shell("head -c 3000000 /dev/urandom > big.bin"))
    key = codex.starts(Kind.HAPPY, big, Reply(message("ok")), patch_mb=2)
    assert codex.comes_to(key, stopped).human_reason == "patch_too_large"


def at_work(codex, key: ChangeKey) -> ChangeKey:
    """Until a command of its model's runs, and what was said before is in the store."""
    notes = codex.resumed.services.store.notes

    def is_at_work(found: Attempt) -> bool:
        return any(message["kind"] == "command_started" for message in notes.messages(found.id))

    codex.comes_to(key, is_at_work)
    return key


def test_what_it_says_is_in_the_store_while_it_works_and_a_killed_run_leaves_no_child(codex):
    key = at_work(codex, codex.starts(Kind.HAPPY, Reply(shell("touch half; sleep 323", yield_time_ms=30000))))
    next(iter(codex.launcher.runs.values())).kill()
    attempt = codex.comes_to(key, done)
    assert (attempt.number, attempt.infrastructure_retries) == (1, 1)
    assert "worktree-kept" in codex.files(attempt)


def test_a_stop_ends_codex_and_keeps_what_it_said(codex):
    key = at_work(codex, codex.starts(Kind.HAPPY, Reply(shell("sleep 325", yield_time_ms=30000))))
    attempt = codex.resumed.services.store.runs.latest(key)
    codex.resumed.services.store.requests.add(attempt.id, kind="stop", by="ada")
    attempt = codex.comes_to(key, lambda found: found.state is State.CANCELLED)
    assert {"implementation-log", "implementation-events", "implementation-session"} <= set(codex.files(attempt))
