"""The forge tells, the web process keeps and projects, and parked changes go on: with deliveries in any order, and without any."""

import psycopg
import pytest
from stack_world import StackWorld

from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.services.store.address import libpq_url

pytestmark = pytest.mark.whole_run


def events(world: StackWorld) -> dict[str, set[str]]:
    with psycopg.connect(libpq_url(world.database("oneshot"))) as connection:
        rows = connection.execute("select event_type, state from jangar_github.events").fetchall()
    return {event: {state for other, state in rows if other == event} for event, _ in rows}


def finished(world: StackWorld, key) -> None:
    world.wait_until(lambda: world.attempts(key)[-1].evidence_head is not None, f"{key} is at its end")
    attempt = world.attempts(key)[-1]
    assert (attempt.state, attempt.reason) == (State.COMPLETED, "merged, deployed and verified")
    assert attempt.number == 1


def test_parked_changes_go_on_whatever_becomes_of_the_deliveries(make_world) -> None:
    world: StackWorld = make_world(web=True, env={"ONESHOT_HOLD_SECONDS": "0"})
    world.start()
    forge = world.forge()

    told, planted = world.issue(Kind.HAPPY)
    forge.label(told.repository, planted.number, "oneshot")
    world.wait_until(lambda: forge.comments(told.repository, planted.number), "we say that it was heard", timeout=10)
    finished(world, told)
    world.wait_until(lambda: {"check_run", "pull_request", "push"} <= set(events(world)), "the forge told us")
    world.wait_until(lambda: set().union(*events(world).values()) == {"processed"}, "every event is projected")

    forge.set_hooks(held=True)
    reordered, _ = world.issue(Kind.HAPPY)
    assert world.oneshot("run", str(reordered), "--no-wait").code in {0, 5}
    waiting = [delivery["id"] for delivery in forge.waiting_deliveries()]
    assert len(waiting) > 2
    forge.release_deliveries(*reversed(waiting))
    forge.set_hooks(duplicate=500)
    finished(world, reordered)

    forge.set_hooks(drop=10_000)
    unheard, _ = world.issue(Kind.HAPPY)
    assert world.oneshot("run", str(unheard), "--no-wait").code in {0, 5}
    finished(world, unheard)
    assert set().union(*events(world).values()) == {"processed"}
