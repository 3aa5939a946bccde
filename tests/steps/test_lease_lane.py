"""Two changes of one repository land one after the other, and two engines on one change do its work once."""

from process_launcher import sealed, until
from world_facts import assert_done_once, tip

from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.intake import take_in


def _taken_in(resumed):
    key, issue = resumed.world.plant()
    return key, issue, take_in(resumed.services, key, base=None, prompt="", by="ada")


def _killed_at(resumed, call: str):
    key, _, attempt = _taken_in(resumed)
    (resumed.world.home / "crash").write_text(call)
    process = resumed.launcher.by_hand(key, f"killed-{key.issue_number}")
    process.join(60)
    assert process.exitcode == -9, resumed.launcher.said(key)
    return key, attempt


def test_the_second_change_waits_for_the_lane_then_is_brought_up_to_date_and_completes(resumed):
    world, services, launcher = resumed.world, resumed.services, resumed.launcher
    since = tip(world)
    first, _ = _killed_at(resumed, "store.leases.enter_lane - after")
    second, issue, _ = _taken_in(resumed)
    parked = until(services, launcher, second, lambda attempt: attempt.awaited is not None)
    assert parked.state is State.MERGE_READY
    assert parked.awaited is not None
    assert parked.awaited.what == "lane"
    assert parked.reason == f"behind {first}, merge_ready"

    until(services, launcher, first, sealed)
    assert_done_once(world, services, first, since=since)
    since = tip(world)
    ended = until(services, launcher, second, sealed)
    assert_done_once(world, services, second, since=since)
    assert ended.head_sha != parked.head_sha
    assert ended.judged_sha == ended.head_sha
    evaluated = [evaluation.sha for evaluation in services.store.artifacts.evaluations(ended.id)]
    assert evaluated == [parked.head_sha, ended.head_sha]
    for sha in evaluated:
        assert services.store.artifacts.report(ended.id, kind="local", sha=sha) is not None
    updates = [w.outcome for w in services.store.writes.of(second) if w.action == "update_branch"]
    assert updates == ["done"]
    assert ended.infrastructure_retries == 0
    assert issue.check(world.shop_url).ok


def test_a_change_that_dies_at_its_very_end_is_not_overtaken(resumed):
    """Nobody deploys another revision between the seal of one change and its completion."""
    world, services, launcher = resumed.world, resumed.services, resumed.launcher
    since = tip(world)
    first, _ = _killed_at(resumed, "store.runs.transition completed before")
    second, _, _ = _taken_in(resumed)
    parked = until(services, launcher, second, lambda attempt: attempt.awaited is not None or sealed(attempt))
    assert parked.reason == f"behind {first}, verifying"
    until(services, launcher, first, sealed)
    assert_done_once(world, services, first, since=since)
    since = tip(world)
    until(services, launcher, second, sealed)
    assert_done_once(world, services, second, since=since)


def test_two_launches_of_one_change_at_once_do_its_work_once(resumed):
    world, services, launcher = resumed.world, resumed.services, resumed.launcher
    since = tip(world)
    key, issue = world.plant()
    both = [launcher.by_hand(key, f"launch-{n}-{key.issue_number}") for n in (1, 2)]
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0], launcher.said(key)
    assert "no-op: " in launcher.said(key)
    until(services, launcher, key, sealed)
    assert_done_once(world, services, key, since=since)
    assert issue.check(world.shop_url).ok


def test_a_completed_change_run_again_does_nothing(resumed):
    world, services, launcher = resumed.world, resumed.services, resumed.launcher
    key, _, _ = _taken_in(resumed)
    ended = until(services, launcher, key, sealed)
    before = services.store.writes.of(key), len(services.store.facts.of(ended.id)), tip(world)
    launcher.ends()
    world.forge.clear_requests()
    again = launcher.by_hand(key, f"again-{key.issue_number}")
    again.join(30)
    assert again.exitcode == 0
    assert "is completed; there is nothing to do" in launcher.said(key)
    assert not [r for r in world.forge.requests() if r["login"] == "oneshot" and not _reads(r)]
    assert (services.store.writes.of(key), len(services.store.facts.of(ended.id)), tip(world)) == before
    assert services.store.runs.latest(key) == ended


def _reads(request) -> bool:
    if request["method"] == "GET":
        return True
    return request["path"].endswith("git-upload-pack") or "mutation" not in (request["graphql"] or "mutation")
