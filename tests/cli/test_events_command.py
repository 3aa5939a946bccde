"""Claims about `oneshot events` and what doctor says of deliveries."""

import json

import pytest

from oneshot_dagster.cli import doctor_checks
from oneshot_dagster.domain.webhook import read_event

OPENED = {
    "action": "opened",
    "repository": {"full_name": "Acme/Shop"},
    "pull_request": {
        "number": 7, "state": "open", "updated_at": "2026-01-01T00:00:00Z", "head": {"sha": "a" * 40},
        "base": {"ref": "main", "sha": "b" * 40},
    },
}  # fmt: skip
BROKEN = {"action": "completed", "repository": {"full_name": "acme/shop"}, "check_run": {}}


@pytest.fixture
def deliveries(store, environment):
    environment["ONESHOT_REPOSITORIES"] = '["acme/*"]'
    for number, (event, payload) in enumerate([("pull_request", OPENED), ("check_run", BROKEN)]):
        store.events.add(read_event(delivery_id=f"d-{number}", event_type=event, body=json.dumps(payload).encode()))
    return store


def test_before_any_delivery_the_list_says_so(oneshot):
    assert oneshot("events", "list").out == "no delivery has come in\n"
    assert oneshot("events", "list", "--dead").out == "no delivery was given up\n"


def test_the_list_shows_deliveries_with_the_newest_first(oneshot, deliveries):
    _, second, first = oneshot("events", "list").out.splitlines()
    assert second.split()[3:6] == ["acme/shop", "check_run.completed", "received"]
    assert first.split()[3:] == ["acme/shop", "pull_request.opened", "received", "d-0"]


def test_a_replay_projects_all_and_the_dead_are_listed_with_the_reason(oneshot, deliveries):
    said = oneshot("events", "replay")
    assert said.out.startswith("2 deliveries projected, 1 given up; the oldest that is kept came in 20")
    (_, dead) = oneshot("events", "list", "--dead").out.splitlines()
    assert "check_run.head_sha is missing or of another kind" in dead
    assert oneshot("events", "replay").out == said.out


def test_a_replay_since_a_time_to_come_projects_nothing(oneshot, deliveries):
    assert oneshot("events", "replay", "--since", "2999-01-01").out.startswith("0 deliveries projected, 0 given up")


def test_doctor_passes_over_deliveries_that_wait_and_fails_over_one_that_was_given_up(oneshot, deliveries):
    waiting = doctor_checks.deliveries(deliveries.events)
    assert (waiting.ok, waiting.found) == (True, "0 projected, 2 waiting")
    oneshot("events", "replay")
    dead = doctor_checks.deliveries(deliveries.events)
    assert not dead.ok
    assert dead.found.endswith("1 given up, the last: check_run.head_sha is missing or of another kind")
    assert "oneshot events list --dead" in dead.do
