"""Every boundary of every walk, killed there once. A test is some of the points of one recording that all workers share; how each
ended is told by matrix_table. Not among the tests that run by themselves, because it takes long: `make crash-matrix`, with
CRASHES=part-of-a-name a part ("look", "revert" and "implement" are those of who looks and of the runs of such attempts), with
EVERY=10 each tenth."""

import os
import pickle
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kill_matrix import BAD_DEPLOY, HAPPY, Outcome, Point, Recording, Walk, killed, record
from matrix_table import CELL, NOTE, Cell, Record
from world_fixtures import World, running_world

from oneshot_dagster.system.lock import FileLock

CHOSEN = os.environ.get("CRASHES", "")
EACH = int(os.environ.get("EVERY", "1"))
PARTS = {HAPPY: 24, BAD_DEPLOY: 48}  # a world has discounts for more walks than a part of them has
_LEAST = 4  # of a part, where there are so many: each has a world of its own
_PATIENCE = 900.0
_SLOW = 3.0


@dataclass(frozen=True)
class Recordings:
    """`folder` is that of all workers, `new_folder` one of this worker's."""

    folder: Path
    new_folder: Callable[[str], Path]
    new_database: Callable[[], str]

    def of(self, walk: Walk) -> Recording:
        """Made by the first who asks."""
        kept = self.folder / f"{walk.name}.recording"
        with FileLock(kept.with_suffix(".lock")).held(timeout=_PATIENCE):
            if not kept.exists():
                with self.new_world() as world:
                    made = record(world, walk, self.new_folder("recorded") / "calls")
                kept.write_bytes(pickle.dumps(made))
        return pickle.loads(kept.read_bytes())  # noqa: S301 (our own)

    def points(self, walk: Walk) -> tuple[Point, ...]:
        recording = self.of(walk)
        return recording.points if walk is HAPPY else recording.besides(self.of(HAPPY))

    @contextmanager
    def new_world(self) -> Generator[World]:
        with running_world(self.new_folder("killed") / "home", self.new_database(), "--null-ci") as world:
            assert killed(world, HAPPY, {}).problems == ()  # something that served before, and may be restored
            yield world


@pytest.fixture(scope="module")
def recordings(
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
    make_lasting_database: Callable[..., str],
    store_template: str,
) -> Recordings:
    own = tmp_path_factory.getbasetemp()
    return Recordings(
        own if worker_id == "master" else own.parent,
        tmp_path_factory.mktemp,
        lambda: make_lasting_database(store_template),
    )


@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    ("walk", "part"),
    [pytest.param(walk, part, id=f"{walk.name}, part {part + 1}") for walk, n in PARTS.items() for part in range(n)],
)
def test_every_boundary(recordings: Recordings, record_property, walk: Walk, part: int):
    recording, points = recordings.of(walk), recordings.points(walk)
    chosen = [(row, point) for row, point in _rows(points) if CHOSEN in f"{recording.kinds[point.run]} {point.name}"][
        ::EACH
    ]
    record_property(NOTE, ("what was recorded", _told(walk, recording, points, len(chosen))))
    failed = [f"beyond every boundary: {effect.what}" for effect in recording.beyond]
    parts = min(PARTS[walk], -(-len(chosen) // _LEAST))
    left = chosen[part::parts] if part < parts else []
    while left:
        with recordings.new_world() as world:
            failed += _killed_until_wrong(world, walk, recording, left, record_property)
    assert failed == []


def _killed_until_wrong(
    world: World, walk: Walk, recording: Recording, left: list[tuple[int, Point]], record_property: Record
) -> list[str]:
    """Takes from `left` what it did. What goes wrong may hold up others of its world."""
    while left:
        row, point = left.pop(0)
        outcome = _killed_there(world, walk, point)
        record_property(CELL, tuple(_cell(walk, recording, row, point, outcome)))
        if outcome.missed:
            record_property(NOTE, ("never reached, so not killed there", point.name))
        wrong = [f"{point.name}: {problem}" for problem in outcome.problems if problem not in outcome.missed]
        if wrong:
            return wrong
    return []


def _killed_there(world: World, walk: Walk, point: Point) -> Outcome:
    """What a walk does is in part a matter of time, so it has three tries to come by; in the last one merges take their time,
    because how often one is looked at until it has landed is most of that."""
    outcome = killed(world, walk, {point.run: point})
    for delay in (0.0, _SLOW):
        if outcome.missed:
            world.forge.set_merge_async(delay=delay)
            outcome = killed(world, walk, {point.run: point})
            world.forge.set_merge_async()
    return outcome


def _rows(points: tuple[Point, ...]) -> list[tuple[int, Point]]:
    """Begin and end of a call stand in one row of the table."""
    rows: dict[tuple[int, str], int] = {}
    return [(rows.setdefault((point.run, point.name.rpartition(" ")[0]), len(rows)), point) for point in points]


def _told(walk: Walk, recording: Recording, points: tuple[Point, ...], chosen: int) -> str:
    return (
        f"{walk.name}: {len(recording.kinds) - 1} runs and who looks, {2 * len(recording.calls)} boundaries, {len(points)} at"
        f" which something is left, {chosen} of them to be killed; seen beyond them: {len(recording.beyond)}."
    )


def _cell(walk: Walk, recording: Recording, row: int, point: Point, outcome: Outcome) -> Cell:
    call, _, side = point.name.rpartition(" ")
    who = f"{recording.kinds[point.run]} {point.run or ''}".strip() + (f", step {point.step}" if point.step else "")
    wrong = " ".join("; ".join(outcome.problems).split())[:300]
    never = outcome.problems == outcome.missed
    ended = outcome.ended if not wrong else "never reached" if never else f"**{wrong}**"
    return Cell(walk.name, row, f"{who}: {call}", f"killed {side}", f"{ended}, {outcome.launches}")
