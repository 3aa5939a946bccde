"""Every boundary of every walk, killed there once, and the table of how each ended.
Not among the tests that run by themselves, because it takes hours: `make crash-matrix`, with CRASHES=part-of-a-name a part
("look", "revert" and "implement" are those of who looks and of the runs of such attempts), with EVERY=10 each tenth."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kill_matrix import BAD_DEPLOY, HAPPY, Outcome, Point, Recording, Walk, killed, record
from world_fixtures import World, running_world

CHOSEN = os.environ.get("CRASHES", "")
EACH = int(os.environ.get("EVERY", "1"))
_OF_ONE_WORLD = 80  # changes: the shop has discounts for three times as many


@dataclass(frozen=True)
class Recorded:
    happy: Recording
    bad_deploy: Recording
    new_world: Callable[[], AbstractContextManager[World]]


@pytest.fixture(scope="module")
def recorded(
    tmp_path_factory: pytest.TempPathFactory, make_lasting_database: Callable[..., str], store_template: str
) -> Iterator[Recorded]:
    def new_world() -> AbstractContextManager[World]:
        home: Path = tmp_path_factory.mktemp("killed") / "home"
        return running_world(home, make_lasting_database(store_template), "--null-ci")

    folder: Path = tmp_path_factory.mktemp("recorded")
    with new_world() as world:
        happy = record(world, HAPPY, folder / "happy")
        yield Recorded(happy, record(world, BAD_DEPLOY, folder / "bad-deploy"), new_world)


@pytest.mark.timeout(0)
def test_the_happy_path_is_killed_at_every_boundary(recorded, request):
    _every(HAPPY, recorded.happy, recorded.happy.points, recorded, request)


@pytest.mark.timeout(0)
def test_the_bad_deploy_and_its_revert_are_killed_at_every_boundary_that_the_happy_path_has_not(recorded, request):
    _every(BAD_DEPLOY, recorded.bad_deploy, recorded.bad_deploy.besides(recorded.happy), recorded, request)


def _every(
    walk: Walk, recording: Recording, points: tuple[Point, ...], recorded: Recorded, request: pytest.FixtureRequest
) -> None:
    table = request.config.get_terminal_writer()
    chosen = [point for point in points if CHOSEN in f"{recording.kinds[point.run]} {point.name}"][::EACH]
    table.line(
        f"\n\n{walk.name}: {len(recording.kinds) - 1} runs and who looks, {2 * len(recording.calls)} boundaries,"
        f" {len(points)} at which something is left, {len(chosen)} of them killed here; seen beyond them: {len(recording.beyond)}.\n"
    )
    table.line("| who | step | killed at | ended | launches |\n|---|---|---|---|---|")
    failed = [f"beyond every boundary: {effect.what}" for effect in recording.beyond]
    for first in range(0, len(chosen), _OF_ONE_WORLD):
        with recorded.new_world() as world:
            if walk is BAD_DEPLOY:
                assert killed(world, HAPPY, {}).problems == ()  # something to restore
            for point in chosen[first : first + _OF_ONE_WORLD]:
                outcome = killed(world, walk, {point.run: point})
                table.line(_row(recording, point, outcome))
                table.flush()
                failed += [f"{point.name}: {problem}" for problem in outcome.problems]
    assert failed == []


def _row(recording: Recording, point: Point, outcome: Outcome) -> str:
    ended = f"**{'; '.join(outcome.problems)[:300]}**" if outcome.problems else outcome.ended
    who = f"{recording.kinds[point.run]} {point.run or ''}".strip()
    return f"| {who} | {point.step or ''} | {point.name} | {ended} | {outcome.launches} |"
