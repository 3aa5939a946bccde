"""The forge tells, the web process keeps and projects, and parked changes go on: with deliveries in any order, and without any."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
import pytest
from stack_world import StackWorld

from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.demo.plant import ENGINE
from oneshot_dagster.services.store.address import libpq_url

pytestmark = pytest.mark.whole_run


def events(world: StackWorld) -> dict[str, set[str]]:
    with psycopg.connect(libpq_url(world.database("oneshot"))) as connection:
        rows = connection.execute("select event_type, state from jangar_github.events").fetchall()
    return {event: {state for other, state in rows if other == event} for event, _ in rows}


def finished(world: StackWorld, key) -> None:
    world.wait_until(lambda: any(a.evidence_head for a in world.attempts(key)), f"{key} is at its end")
    attempt = world.attempts(key)[-1]
    assert (attempt.state, attempt.reason) == (State.COMPLETED, "merged, deployed and verified")
    assert attempt.number == 1


@dataclass(frozen=True)
class Heard:
    """From the forge's log: when the label was put on, when our first comment came, how often the issues were read between."""

    label_at: datetime
    comment_at: datetime
    looks: int


def heard(world: StackWorld, key) -> Heard:
    rows = world.forge().requests()
    own = f"/api/v3/repos/{key.repository}/issues/{key.issue_number}"
    label = next(i for i, row in enumerate(rows) if (row["method"], row["path"]) == ("POST", f"{own}/labels"))
    comment = next(
        i
        for i, row in enumerate(rows)
        if (row["method"], row["path"], row["login"]) == ("POST", f"{own}/comments", ENGINE)
    )
    read = f"/api/v3/repos/{key.repository}/issues"
    looks = sum((row["path"], row["login"]) == (read, ENGINE) for row in rows[label:comment])
    label_at, comment_at = (datetime.fromisoformat(rows[i]["at"]) for i in (label, comment))
    return Heard(label_at, comment_at, looks)


def test_labelled_changes_start_and_go_on_whatever_becomes_of_the_deliveries(make_world) -> None:
    world: StackWorld = make_world(web=True, env={"ONESHOT_HOLD_SECONDS": "0"})
    world.start()
    forge = world.forge()

    told, _ = world.issue(Kind.HAPPY)
    assert world.oneshot("forge", "issue", "label", str(told)).code == 0
    finished(world, told)
    said = heard(world, told)
    assert (said.comment_at - said.label_at).total_seconds() <= 10
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
    unheard, planted = world.issue(Kind.HAPPY)
    forge.label(unheard.repository, planted.number, "oneshot")
    finished(world, unheard)
    assert heard(world, unheard).looks <= 2  # one that was on its way, and the next
    assert set().union(*events(world).values()) == {"processed"}
