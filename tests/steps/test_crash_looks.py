"""A look through a repository that is killed anywhere: the next one heeds what was asked, and nothing is said or done twice."""

import os

import pytest
from look_points import POINTS, asked
from process_launcher import server

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.local.demo.plant import REPOSITORY
from oneshot_dagster.steps.triggers import take_up

EVERY = [(what, point) for what, points in POINTS.items() for point in points]


def one_look(settings) -> None:
    os.setsid()
    services = open_services(settings)
    take_up(services, repositories=[REPOSITORY])
    services.close()


def test_every_thing_that_is_asked_has_three_points_or_more():
    assert all(len(points) >= 3 for points in POINTS.values())


@pytest.mark.parametrize(("what", "point"), EVERY, ids=[f"{what}-{point}".replace(" ", "-") for what, point in EVERY])
def test_a_look_that_died_there_is_made_good_by_the_next(shared_asking, what, point):
    asking = shared_asking
    one = asked(asking, what)
    crash = asking.world.home / "crash"
    crash.write_text("\n".join(POINTS[what][point]))
    look = server.Process(target=one_look, args=(asking.world.settings(crash_file=crash),))
    look.start()
    look.join(60)
    assert (look.exitcode, crash.exists()) == (-9, False), "the point was never reached"

    said = [asking.look(), asking.look()]

    assert one.stands(), said
    assert asking.look() == ""
