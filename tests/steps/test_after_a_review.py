"""After a review: the next attempt is told what was asked, answers each thread, resolves those that it met, and waits for the reviewer."""

import sys
from pathlib import Path

import pytest
from process_launcher import ProcessLauncher, sealed, until
from resumed import Resumed
from world_facts import assert_evidence_verifies, pulls, tip

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo import plant
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.steps.intake import take_in

AGENT = (sys.executable, "-I", str(Path(__file__).with_name("reviewed_agent.py")), str(plant.AGENT))


@pytest.fixture
def proposing(shared_world):
    settings = shared_world.settings(mode="propose", agent={"command": AGENT}, crash_file=shared_world.home / "crash")
    launcher = ProcessLauncher(settings=settings, logs=shared_world.home / "runs")
    launcher.limits = {"hold_seconds": 8.0}  # CI may have reported by then, and the reviewer has not
    yield Resumed(world=shared_world, services=open_services(settings), launcher=launcher)
    launcher.close()


def _proposed(one: Resumed):
    """A parked, judged attempt and the path of a file of its pull request."""
    key, _ = one.world.plant()
    take_in(one.services, key, base=None, prompt="", by="ada")
    parked = until(one.services, one.launcher, key, lambda a: a.state is State.MERGE_READY and a.awaited is not None)
    snapshot = one.services.store.projections.snapshot(
        key.repository, pr_number=parked.pr_number, head_sha=parked.head_sha
    )
    return parked, next(f.path for f in snapshot.files if f.path.startswith("shop/"))


def _prompt(one: Resumed, attempt) -> str:
    files = [f for f in one.services.store.artifacts.files(attempt.id) if f.name == "implementation-prompt"]
    return one.services.blobs.get(files[-1].sha256).decode()


def test_what_was_met_is_answered_once_and_resolved_and_then_the_reviewer_is_waited_for(proposing):
    one, forge = proposing, proposing.world.forge
    parked, path = _proposed(one)
    key, number = parked.key, parked.pr_number
    forge.open_thread(key.repository, number, path=path, line=1, body="say more here")
    forge.review(key.repository, number, "REQUEST_CHANGES", "The words of the whole review.")
    (one.world.home / "crash").write_text("github.reply_to_thread - after")
    waiting = until(
        one.services, one.launcher, key, lambda a: a.number == 2 and a.awaited is not None and a.awaited.what != "ci"
    )
    assert not (one.world.home / "crash").exists()
    assert (waiting.state, waiting.awaited.what) == (State.AWAITING_CI, "review")
    prompt = _prompt(one, waiting)
    assert "The words of the whole review." in prompt
    (thread,) = one.services.github.threads(key.repository, number)
    assert thread.is_resolved
    assert [comment.author for comment in thread.comments] == ["ada", "oneshot"]
    assert "Attempt 2 changed what this is about" in thread.comments[1].body
    assert "done: it says so now" in thread.comments[1].body
    assert len(pulls(one.world, key)) == 1
    forge.review(key.repository, number, "APPROVE")
    judged = until(one.services, one.launcher, key, lambda a: a.state is State.MERGE_READY and a.awaited is not None)
    assert judged.judged_sha == waiting.head_sha


def test_what_was_not_met_stays_open_and_goes_to_a_person(proposing):
    one, forge = proposing, proposing.world.forge
    parked, path = _proposed(one)
    key, number = parked.key, parked.pr_number
    since = tip(one.world)
    forge.open_thread(key.repository, number, path=path, line=1, body="say more here")
    forge.open_thread(key.repository, number, path=path, line=2, body="leave all of it")
    second = until(one.services, one.launcher, key, lambda a: a.number == 3)
    ended = until(one.services, one.launcher, key, lambda a: a.state is State.NEEDS_HUMAN and sealed(a))
    met, unmet = one.services.github.threads(key.repository, number)
    assert (met.is_resolved, unmet.is_resolved) == (True, False)
    assert "not done: I would rather not" in unmet.comments[1].body
    assert second.id != parked.id
    assert tip(one.world) == since
    assert ended.human_reason in {"no_progress", "attempts_spent"}
    assert_evidence_verifies(one.services, key)


def test_a_thread_by_somebody_without_write_access_is_neither_shown_nor_answered(proposing):
    one, forge = proposing, proposing.world.forge
    forge.put_user("eve", "eve-token", {plant.REPOSITORY: "read"})
    eve = ForgeClient(one.world.url, "eve-token")
    parked, path = _proposed(one)
    key, number = parked.key, parked.pr_number
    eve.open_thread(key.repository, number, path=path, line=1, body="say that eve was here")
    forge.open_thread(key.repository, number, path=path, line=1, body="say more here")
    until(one.services, one.launcher, key, lambda a: a.number == 2 and a.state is State.AWAITING_CI)
    second = one.services.store.runs.all_of(key)[1]
    assert "eve was here" not in _prompt(one, second)
    strange, ours = one.services.github.threads(key.repository, number)
    assert not strange.is_resolved
    assert len(strange.comments) == 1
    assert ours.is_resolved
    eve.close()
