"""A run that is killed anywhere is continued by the resumer, and everything outside happened once.
`CRASH_POINTS=all` takes every point (some minutes); without it the telling ones."""

import pytest
from crash_points import EVERYTHING, POINTS, TELLING
from process_launcher import sealed, until
from world_facts import assert_done_once, tip

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.steps.intake import take_in

EVERY = [(step, point) for step, points in POINTS.items() for point in points]
CHOSEN = EVERY if EVERYTHING else [p for p in EVERY if p in TELLING]


def test_every_step_has_three_points_or_more():
    assert set(POINTS) == {artifact.value for artifact in Artifact}
    assert all(len(points) >= 3 for points in POINTS.values())
    assert set(EVERY) >= TELLING


@pytest.mark.parametrize(("step", "point"), CHOSEN, ids=[f"{step}-{point}".replace(" ", "-") for step, point in CHOSEN])
def test_a_run_killed_there_is_continued_and_all_happens_once(resumed, step, point):
    world, services = resumed.world, resumed.services
    since = tip(world)
    key, issue = world.plant(seed=EVERY.index((step, point)))
    crash = world.home / "crash"
    crash.write_text(POINTS[step][point])
    take_in(services, key, base=None, prompt="", by="ada")
    attempt = until(services, resumed.launcher, key, sealed)
    assert not crash.exists(), f"the point was never reached\n{resumed.launcher.said(key)}"
    assert "failure" in resumed.launcher.ends()
    assert_done_once(world, services, key, since=since)
    assert issue.check(world.shop_url).ok
    assert attempt.infrastructure_retries <= 1
