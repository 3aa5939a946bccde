"""Several changes of one repository at once, as the benchmark runs them: in order, in line, each landing checked. No figure is judged."""

from benchmarks import many
from benchmarks.world import running


def test_several_at_once_land_in_their_order_in_one_line_and_each_landing_is_checked(tmp_path):
    with running(tmp_path / "home") as world:
        measured = many.measure(world, number=2)
    assert (measured.overtaken, measured.forks, measured.landing_checks) == (0, 0, measured.number)
