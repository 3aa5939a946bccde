"""Walks of a change that are recorded clean and then killed at their boundaries. What must hold of a walk that was killed is here,
which ones are is in test_crash_points.py and every_crash.py."""

import itertools
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from boundaries import INTAKE, LOOKS, Call, Effect, attributed, calls_in, seen_outside, unwatch_rows, watch_rows
from mortal_looks import MortalLooks
from process_launcher import ProcessLauncher, sealed, until
from world_facts import assert_done_once, assert_taken_back_once, tip
from world_fixtures import World

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.settings import Settings
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes
from oneshot_dagster.steps.services import Services

_MOST_RUNS = 12
_PATIENCE = 240.0
_NEW_STEP = "store.leases.take"


@dataclass(frozen=True, kw_only=True)
class Walk:
    """`check` takes world, services and key, and `since`: the base's commit before it."""

    name: str
    kind: Kind
    check: Callable[..., None]


HAPPY = Walk(name="happy path", kind=Kind.HAPPY, check=assert_done_once)
BAD_DEPLOY = Walk(name="bad deploy and its revert", kind=Kind.BAD_DEPLOY, check=assert_taken_back_once)


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where the run of that number dies, or for LOOKS who looks: at a line of what was recorded of it; `step` counts a run's steps."""

    run: int
    line: int
    name: str
    file: Path
    step: int


@dataclass(frozen=True, kw_only=True)
class Recording:
    """`beyond` is what was seen outside within no call. `kinds` are those of the attempts that the runs worked on."""

    calls: tuple[Call, ...]
    beyond: tuple[Effect, ...]
    files: tuple[Path, ...]
    kinds: tuple[str, ...]

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Begin and end of each call that leaves something: between a call's end and the next one's begin nothing happens
        outside, nor in a call that only reads, so a death there is one of these. Of the looks, which are many, each name once."""
        found, steps = dict[tuple[int, str], tuple[float, Point]](), [0] * (len(self.files) + 1)
        for call in sorted(self.calls, key=lambda call: call.begun):
            if call.run == INTAKE:
                continue
            steps[call.run] += call.run != LOOKS and call.name.startswith(_NEW_STEP)
            if not (call.leaves_something and call.of_the_run_itself):
                continue
            for side, line, at in zip(("before", "after"), call.lines, (call.begun, call.ended), strict=True):
                name, file = f"{call.name} {side}", self.files[call.run]
                point = Point(run=call.run, line=line, name=name, file=file, step=steps[call.run])
                found.setdefault((call.run, name), (at, point))
        return tuple(point for _, point in sorted(found.values(), key=lambda one: one[0]))

    def besides(self, other: "Recording") -> tuple[Point, ...]:
        """Without those that the other has too, but all of runs of another kind."""
        known = {point.name for point in other.points}
        return tuple(p for p in self.points if p.name not in known or self.kinds[p.run] not in other.kinds)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`problems` is empty where all that must hold holds. `missed` are those of them that are deaths never reached."""

    ended: str
    launches: int
    problems: tuple[str, ...]
    missed: tuple[str, ...] = ()


def record(world: World, walk: Walk, folder: Path) -> Recording:
    """A clean walk, with everything that it leaves outside."""
    folder.mkdir()
    intake, *files = (folder / f"{number}" for number in range(INTAKE, _MOST_RUNS))
    one = _One(world, walk, {number: _at(world, file, 0) for number, file in enumerate(files)}, intake=intake)
    watch_rows(world)
    world.forge.clear_requests()
    try:
        one.walk()
        one.launcher.ends()
        effects = seen_outside(world)
        kinds = ("look", *map(one.kind_of, one.launcher.runs))
        assert one.problems() == []
    finally:
        unwatch_rows(world)
        one.close()
    files = files[: len(kinds)]
    known = [call for number, file in enumerate((intake, *files), INTAKE) for call in calls_in(file, number)]
    calls, beyond = attributed(known, effects)
    return Recording(calls=tuple(calls), beyond=tuple(beyond), files=tuple(files), kinds=kinds)


def killed(world: World, walk: Walk, deaths: Mapping[int, Point]) -> Outcome:
    """A walk whose runs of these numbers die there, and are continued by who looks."""
    one = _One(world, walk, {number: _at(world, point.file, point.line) for number, point in deaths.items()})
    try:
        attempt = one.walk()
        dead = one.dead()
        missed = tuple(f"{point.name} was never reached" for number, point in deaths.items() if number not in dead)
        problems, launches = (*one.problems(), *missed), len(one.launcher.runs)
        return Outcome(ended=attempt.state.value, launches=launches, problems=problems, missed=missed)
    except Exception as error:  # noqa: BLE001 (whatever it is, the walk went wrong)
        return Outcome(ended="nowhere", launches=len(one.launcher.runs), problems=(str(error) or repr(error),))
    finally:
        one.close()


def chains(points: Sequence[Point], number: int) -> list[dict[int, Point]]:
    """So many walks that die once in every step, each elsewhere in it; at what comes first by its name, because who continues
    counts anew."""
    found: list[dict[int, Point]] = []
    telling = [point for point in points if point.run != LOOKS and point.name.rpartition(" ")[0].endswith("#1")]
    steps = [list(group) for _, group in itertools.groupby(telling, key=lambda point: point.step)]
    for nth in range(number):
        chosen = [step[len(step) * (2 * nth + 1) // (2 * number)] for step in steps]
        found.append(dict(enumerate(chosen, 1)))
    return found


class _One:
    """One change on its walk. `armed` are the settings of its runs by their number, and LOOKS those of who looks."""

    def __init__(self, world: World, walk: Walk, armed: Mapping[int, Settings], *, intake: Path | None = None) -> None:
        self.world, self.wanted, self._armed = world, walk, armed
        self.services: Services = open_services(_at(world, intake, 0) if intake else world.settings())
        self.launcher = ProcessLauncher(settings=world.settings(), logs=world.home / "runs", armed=armed)
        self.since = tip(world)
        self.key: ChangeKey | None = None
        self._looks: MortalLooks | None = None

    def walk(self) -> Attempt:
        self.key, _ = self.world.plant(self.wanted.kind)
        if LOOKS in self._armed:
            settings, folder = self._armed[LOOKS], self.world.home / f"looks-{self.key.issue_number}"
            self._looks = MortalLooks(settings, self.key, self.launcher, folder)
        take_in(self.services, self.key, base=None, prompt="", by="ada")
        return until(self.services, self.launcher, self.key, _over, seconds=_PATIENCE, look=self._look)

    def _look(self) -> list[str]:
        """Without the pauses after each retry: that they grow is a matter of domain.resume."""
        attempt = self.services.store.runs.latest(self.key)
        if attempt and attempt.infrastructure_retries:
            self.services.store.runs.update(attempt.id, {"infrastructure_retries": 0})
        if self._looks and not self._looks.died:
            return self._looks()
        return continue_changes(self.services, self.launcher, only=self.key)

    def dead(self) -> set[int]:
        """The numbers of what was killed."""
        self.launcher.ends()
        runs = {number for number, run in enumerate(self.launcher.runs.values(), 1) if run.exitcode == -signal.SIGKILL}
        return runs | ({LOOKS} if self._looks and self._looks.died else set())

    def problems(self) -> list[str]:
        try:
            self.wanted.check(self.world, self.services, self.key, since=self.since)
        except AssertionError as error:
            return [str(error)]
        return []

    def kind_of(self, run_id: str) -> str:
        launch = self.services.store.launches.by_run(run_id)
        attempt = self.services.store.runs.by_id(launch.attempt_id) if launch else None
        assert attempt is not None
        return attempt.kind.value

    def close(self) -> None:
        self.launcher.close()
        self.services.close()


def _over(attempt: Attempt) -> bool:
    return sealed(attempt) and attempt.state in {State.COMPLETED, State.NEEDS_HUMAN}


def _at(world: World, file: Path, line: int) -> Settings:
    return world.settings(crash_file=file, crash_at=line)
