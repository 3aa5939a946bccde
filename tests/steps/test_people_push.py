"""A policy that has a person look at what people push: it stops at the pushed head, and goes on with just that one."""

import people
import pytest
from process_launcher import ProcessLauncher, sealed, until
from resumed import Resumed
from world_facts import assert_done_once, merges, tip

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.intake import take_in

SHOP = "acme/shop"
LOOKED_AT = '[judge]\non_human_push = "needs_human"\n'


@pytest.fixture
def under(world):
    made: list[Resumed] = []

    def make(**over) -> Resumed:
        settings = world.settings(**over)
        launcher = ProcessLauncher(settings=settings, logs=world.home / "runs")
        made.append(Resumed(world=world, services=open_services(settings), launcher=launcher))
        return made[-1]

    people.push(world, "main", {".oneshot.toml": people.policy(world).replace("[judge]\n", LOOKED_AT)})
    yield make
    for one in made:
        one.launcher.close()
        one.services.close()


def judged(one: Resumed):
    """A change that is judged and waits for the merge."""
    key, _ = one.world.plant()
    take_in(one.services, key, base=None, prompt="", by="ada")
    return until(one.services, one.launcher, key, lambda a: a.awaited is not None and a.state is State.MERGE_READY)


def test_a_push_stops_the_change_and_a_retry_goes_on_with_what_was_pushed(under):
    one = under(mode="propose")
    key = judged(one).key
    since = tip(one.world)

    pushed = people.push(one.world, key.branch, {"NOTES.md": "By hand.\n"})

    stopped = until(one.services, one.launcher, key, lambda a: a.state is State.NEEDS_HUMAN and sealed(a))
    assert (stopped.human_reason, stopped.head_sha, stopped.judged_sha) == ("human_push", pushed, None)
    assert merges(one.world, since) == []
    one.services.store.requests.add(stopped.id, kind="retry", by="ada")
    again = until(one.services, one.launcher, key, lambda a: a.judged_sha == pushed and a.awaited is not None)
    sessions = [f for f in one.services.store.facts.of(again.id) if f.kind == "agent_session"]
    assert (again.id, len(sessions)) == (stopped.id, 1)


def test_a_branch_that_we_had_brought_up_to_date_is_nobody_s_push(under):
    waits, free = under(merge={"enabled": False}), under()
    key = judged(waits).key
    people.push(waits.world, "main", {"NEWS.md": "By hand.\n"})
    waits.world.forge.set_protection(SHOP, "main", contexts=["ci"], strict=True)
    since = tip(waits.world)

    ended = until(free.services, free.launcher, key, sealed)

    assert ended.state is State.COMPLETED, ended.reason
    assert_done_once(free.world, free.services, key, since=since)
    updates = [w.outcome for w in free.services.store.writes.of(key) if w.action == "update_branch"]
    assert updates == ["done"]
