"""The benchmarks' plumbing runs and counts what it should; no figure is judged here."""

import pytest

from benchmarks import results, whole_run
from benchmarks.whole_run import Measured
from benchmarks.world import running


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Measured:
    with running(tmp_path_factory.mktemp("benchmark") / "home") as world:
        measured = whole_run.measure(world, rounds=0, watched=1, stock=0)
        whole_run.repeat(world, measured, "copy00")
        measured.connections.append(world.connections())
        return measured


def test_the_script_asks_the_forge_for_what_the_run_asked(measured):
    assert not measured.differing
    assert measured.counted("processes: git push") == 2
    assert measured.counted("HTTP") > 10


def test_all_of_a_watched_run_is_spent_on_something_that_has_a_name(measured):
    [watched] = measured.watched
    assert sum(watched["watched"]["seconds"].values()) == pytest.approx(watched["wall"], rel=0.1)


def test_connections_are_counted(measured):
    assert measured.connections[0] >= 2


def test_an_aim_that_is_not_reached_is_called_so():
    row = results.Row(what="x", baseline="1", ours="2", shown="2 times", figure=2.0, aim=1.2, aim_shown="≤ 1.2")
    assert row.met == "**not met**"
