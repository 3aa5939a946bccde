"""The measurements of events and of waiting run and count what they should; no figure is judged here."""

import pytest

from benchmarks import continuing, results, waiting
from benchmarks.events import Measured, receiving
from benchmarks.sender import SIZE, payload
from benchmarks.world import running


def test_a_payload_is_as_large_as_a_check_runs():
    assert len(payload("acme/shop")) == pytest.approx(SIZE, rel=0.02)


def test_every_delivery_of_a_load_is_answered_kept_and_counted(tmp_path):
    with receiving(tmp_path / "home") as receiver:
        steady = receiver.load(40, rate=100.0)
        burst = receiver.load(60)

    assert (steady.answers, burst.answers) == ({"202": 40}, {"202": 60})
    assert (steady.stored, burst.stored, steady.dead, burst.dead) == (40, 60, 0, 0)
    assert steady.seconds > 0.3  # the last is due then
    assert 0 <= steady.pump < steady.receiver
    rows = results.event_rows(Measured(steady=steady, kept_only=steady, burst=burst))
    assert {row.met for row in rows if row.aim == 0} == {"met"}


@pytest.mark.whole_run
def test_parked_changes_rest_are_glanced_at_and_one_whose_gate_opens_is_found(tmp_path):
    with running(tmp_path / "home") as world:
        found = waiting.measure(world, number=3, seconds=1.0, watched=1.0)
        assert world.forge.violations() == []

    assert found.settled > found.started
    assert found.many.cpu > 0
    assert "GraphQL" in results.waiting_rows(found)[2].what


@pytest.mark.whole_run
def test_the_parts_of_a_continuation_come_one_after_the_other(tmp_path):
    with running(tmp_path / "home") as world:
        found = continuing.measure(world, number=1)
        assert world.forge.violations() == []

    assert all(seconds > 0 for seconds in found.parts[0].values())
    assert len(results.continuing_rows(found)) == 2
