"""Each HTTP call of a whole run with each fault. The calls are those of the forge's log of a clean run; one change a case.
What must hold of a case is here, which cases run is test_fault_matrix.py."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from fault_calls import FOR_EVER, LOGIN, WRONG_SHA, Call, armed, calls_of
from world_facts import assert_evidence_verifies, branches, deploys, merges, pulls, pushes, tip
from world_fixtures import World

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.artifact import Artifact, NotMyTurn
from oneshot_dagster.domain.attempt import Attempt, Launch
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import LeaseLost, OneshotError, TryAgain
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind as Issue
from oneshot_dagster.local.forge.limits import ALLOWED
from oneshot_dagster.services.github.client import GitHubClient
from oneshot_dagster.services.github.protocol import GitHub
from oneshot_dagster.services.launcher.protocol import RunView
from oneshot_dagster.settings import Settings
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.take import Caller, taken

LEFT = "a branch was left, as the merge says"
_TIMEOUT = 2.5  # seconds that the engine waits for one answer
_LONGEST_PAUSE = 1.0  # what a limit asks us to wait is honoured, cut to this


class Hurried:
    """GitHub whose limits do not take a minute: how long it told us to wait is cut, and kept for who wants to know."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self.told: list[float] = []

    def __getattr__(self, name: str) -> object:
        found = self._cut(lambda: getattr(self._github, name))
        return (lambda *args, **named: self._cut(lambda: found(*args, **named))) if callable(found) else found

    def _cut(self, ask: Callable[[], object]) -> object:
        try:
            return ask()
        except TryAgain as error:
            if error.after is None:
                raise
            self.told.append(error.after)
            raise TryAgain(str(error), after=min(error.after, _LONGEST_PAUSE)) from error


@dataclass
class Inline:
    """A launcher whose runs are over when `start` returns. `before` is called before each step of theirs."""

    services: Services
    before: Callable[[Artifact, Attempt], None] = lambda _artifact, _attempt: None
    status: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def start(self, attempt: Attempt, launch: Launch, *, root_run_id: str | None, parent_run_id: str | None) -> None:
        del root_run_id, parent_run_id
        caller = Caller(run_id=launch.dagster_run_id, say=self.said.append, others_wait=lambda: False)
        self.status[launch.dagster_run_id] = "success"
        try:
            for artifact in launch.selection:
                self.before(Artifact(artifact), attempt)
                with taken(self.services, Artifact(artifact), attempt.key, caller) as outcome:
                    self.said.append(f"{artifact}: {outcome}")
                if isinstance(outcome, NotMyTurn):
                    return
        except LeaseLost as error:
            self.said.append(f"no-op: {error}")
        except OneshotError as error:
            self.said.append(f"failed: {error}")
            self.status[launch.dagster_run_id] = "failure"

    def waits(self) -> None:
        """For the time to pass: no run of its is left to wait for."""
        time.sleep(0.05)

    def view(self, run_ids: tuple[str, ...]) -> dict[str, RunView]:
        return {one: RunView(run_id=one, status=self.status[one]) for one in run_ids if one in self.status}

    def fail(self, run_id: str, reason: str) -> None:
        del reason
        self.status[run_id] = "failure"

    def terminate(self, run_id: str) -> None:
        self.status[run_id] = "canceled"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`ended` is the state, or `not taken in`, and `sealed` whether its evidence was, before anything was mended.

    `problems` is empty where all that must hold holds.
    """

    ended: str
    reason: str
    launches: int
    sealed: bool
    problems: tuple[str, ...]


class Matrix:
    """One world; every case is a change of its own in it."""

    kind = Issue.HAPPY

    def __init__(self, world: World) -> None:
        self.world = world
        self._seed = 0

    @cached_property
    def calls(self) -> list[Call]:
        """Of one run without a fault, which must end well."""
        outcome = self._case(None, None)
        assert outcome.problems == ()
        return calls_of(self.world.forge.requests())

    def named(self, name: str) -> Call:
        return next(call for call in self.calls if call.name == name)

    def case(self, call: Call, fault: str) -> Outcome:
        try:
            return self._case(call, fault)
        finally:
            self._mended()

    def new_case(self, key: ChangeKey, since: str, begins: Callable[[], None]) -> "Case":
        return Case(self.world, key, since, begins)

    def _case(self, call: Call | None, fault: str | None) -> Outcome:
        self._seed += 1
        # A matrix asks for more than an hour's requests, and a refusal with none left would be the limit's.
        self.world.forge.set_limit(LOGIN, remaining=ALLOWED["core"], enforced=False)
        since = tip(self.world)
        key, _ = self.world.plant(self.kind, self._seed)
        case = self.new_case(key, since, lambda: self._begin(call, fault, since))
        try:
            told = case.intake()
            attempt = case.until_sealed() if told is None else None
            problems = _problems_of_end(case, attempt, told, may_stop=self._may_stop(fault))
            if call is not None and call.family == "api" and not self._hit():
                problems.append("the call was never made")  # how often git asks is git's own
            if fault in FOR_EVER or (self._may_stop(fault) and not case.ended_well(attempt)):
                self._mended()
                attempt = case.goes_on()
            problems += case.problems_of_world(attempt)
            if fault in FOR_EVER and LEFT in problems:
                problems.remove(LEFT)  # a deletion that GitHub refuses is no failed merge
            return Outcome(
                ended="not taken in" if told else case.first_end,
                reason=told or case.first_reason,
                launches=len(case.launcher.status),
                sealed=case.first_sealed,
                problems=tuple(problems),
            )
        finally:
            case.services.close()

    def _begin(self, call: Call | None, fault: str | None, since: str) -> None:
        """From here on calls are counted, and fail."""
        if call is None or fault is None:
            self.world.forge.clear_requests()
            return
        where = {"method": call.method, "path": call.path, "graphql": call.graphql, "login": LOGIN, "nth": call.nth}
        self.world.forge.arm(**armed(fault, base=since), **where)

    def _may_stop(self, fault: str | None) -> bool:
        return fault in FOR_EVER or fault in WRONG_SHA

    def _mended(self) -> None:
        self.world.forge.clear_faults()

    def _hit(self) -> bool:
        return any(fault["hit"] for fault in self.world.forge.faults())


class Case:
    """One change, and what goes on with it until nothing more is done by itself. `begins` is called where faults begin."""

    patience = 60.0

    def __init__(self, world: World, key: ChangeKey, since: str, begins: Callable[[], None]) -> None:
        self.world, self.since, self.begins = world, since, begins
        settings = self.settings()
        services = open_services(settings)
        services.github.close()
        github = GitHubClient(
            api_url=settings.github.api_url,
            graphql_url=settings.github.graphql_url,
            token=settings.github.token.get_secret_value,
            timeout=_TIMEOUT,
        )
        self.services = replace(services, github=Hurried(github))
        self.launcher = Inline(self.services)
        self.key = key
        self.story: list[str] = []
        self.first_end, self.first_reason, self.first_sealed = "", "", False

    def settings(self) -> Settings:
        return self.world.settings(budget={"infrastructure_retries": 1})

    def intake(self) -> str | None:
        """What whoever triggered it is told; a person, or the next tick, tries once more where that may help."""
        self.begins()
        return self.taken_in()

    def taken_in(self) -> str | None:
        for last in (False, True):
            try:
                take_in(self.services, self.key, base=None, prompt="", by="ada")
                return None
            except TryAgain as error:
                if last:
                    return str(error)
            except OneshotError as error:
                return str(error)
        return None

    def until_sealed(self) -> Attempt:
        deadline = time.monotonic() + self.patience
        while True:
            attempt = self.services.store.runs.latest(self.key)
            if self.over(attempt) or time.monotonic() > deadline or self._rests(attempt):
                self.first_sealed = self.first_sealed or (not self.first_end and attempt.evidence_head is not None)
                self.first_end = self.first_end or attempt.state.value
                self.first_reason = self.first_reason or f"{attempt.human_reason or ''}: {attempt.reason}"
                return attempt
            self.story += continue_changes(self.services, self.launcher, only=self.key)
            time.sleep(0.05)

    def goes_on(self) -> Attempt:
        """The fault is gone and a person says retry."""
        if self.services.store.runs.latest(self.key) is None:
            assert self.taken_in() is None
        else:
            attempt = self.services.store.runs.latest(self.key)
            if attempt.state is State.NEEDS_HUMAN:
                self.services.store.requests.add(attempt.id, kind="retry", by="ada")
                self.story += continue_changes(self.services, self.launcher, only=self.key)
        return self.until_sealed()

    def over(self, attempt: Attempt) -> bool:
        return attempt.evidence_head is not None

    def ended_well(self, attempt: Attempt | None) -> bool:
        return attempt is not None and attempt.state is State.COMPLETED

    def problems_of_world(self, attempt: Attempt | None) -> list[str]:
        problems = _problems_of_world(self.world, self.services, self.key, attempt, self.since)
        return problems + (self.branches_left([attempt]) if attempt and attempt.merge_sha else [])

    def branches_left(self, attempts: Sequence[Attempt]) -> list[str]:
        left = branches(self.world) & {attempt.inputs.head for attempt in attempts}
        told = [self.services.store.artifacts.records(attempt.id).get("merge") for attempt in attempts]
        gone = [one.record.shown["branch_deleted"] for one in told if one]
        said = gone.count(False) == len(left)
        return [] if not left and said else [LEFT] if said else [f"{left} were left, and the merges say gone: {gone}"]

    def _rests(self, attempt: Attempt) -> bool:
        """Nothing more is started, sealed or not."""
        return attempt.state is State.NEEDS_HUMAN and "a person has to decide" in (self.story or [""])[-1]


def _problems_of_end(case: Case, attempt: Attempt | None, told: str | None, *, may_stop: bool) -> list[str]:
    if case.ended_well(attempt):
        return []
    if not may_stop:
        return [f"ended {attempt.state if attempt else 'not taken in'}: {attempt.reason if attempt else told}"]
    if attempt is None:
        return [] if told else ["nobody was told"]
    if attempt.state is not State.NEEDS_HUMAN or not attempt.human_reason:
        return [f"stands at {attempt.state}: {attempt.reason}"]
    return []


def _problems_of_world(
    world: World, services: Services, key: ChangeKey, attempt: Attempt | None, since: str
) -> list[str]:
    """Whatever went wrong on the way: completed, and one of everything."""
    if attempt is None or attempt.state is not State.COMPLETED:
        stands = f"{attempt.state}: {attempt.reason}" if attempt else "nowhere"
        return [f"did not go on to completed: {stands}"]
    assert_evidence_verifies(services, key)
    merged = attempt.merge_sha or ""
    counts = {
        "attempts": len(services.store.runs.all_of(key)),
        "pushes": len(pushes(services, key)),
        "pull requests": len(pulls(world, key)),
        "merges": len(merges(world, since)),
        "deployments": deploys(world, merged),
        "GitHub deployments": len(world.forge.api("GET", key.repository, "/deployments", sha=merged)),
        "comments of one purpose": max(Counter(_purposes(world, key, attempt)).values(), default=1),
    }
    problems = [f"{count} {what}" for what, count in counts.items() if count != 1]
    if [w for w in services.store.writes.of(key) if w.outcome is None]:
        problems.append("an intent was left open")
    if world.forge.violations():
        problems.append("the forge was asked for files")
    return problems


def _purposes(world: World, key: ChangeKey, attempt: Attempt) -> list[str]:
    numbers = (key.issue_number, attempt.pr_number or key.issue_number)
    bodies = [str(made["body"]) for number in numbers for made in world.forge.comments(key.repository, number)]
    return [body.splitlines()[0] for body in bodies if body.startswith("<!-- oneshot:")]
