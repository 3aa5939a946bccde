"""Builders for the tests of the resumer, and a small world that does what it says."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from oneshot_dagster.domain.action import (
    Action,
    FailRun,
    MoveTo,
    Nothing,
    RepeatStart,
    Settle,
    SettleIntents,
    StartAttempt,
    StartRun,
    WaitUntil,
)
from oneshot_dagster.domain.attempt import Attempt, Awaited, Inputs, Launch, Request
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.gate import Gate, Opening
from oneshot_dagster.domain.resume import next_action
from oneshot_dagster.domain.resume_facts import ResumeFacts, RunState
from oneshot_dagster.domain.run import STOPPED, Kind, Mode, State, allowed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEAD = "a" * 40
INPUTS = Inputs(
    base="main",
    head="codex/issue-2",
    prompt="",
    issue_title="Discount",
    issue_body="10 % off",
    issue_sha256="0" * 64,
    issue_author="ada",
    triggered_by="ada",
)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def attempt_in(state: State, **fields: object) -> Attempt:
    start = Attempt(
        id="att-1",
        key=ChangeKey("acme", "shop", 2),
        number=1,
        kind=Kind.IMPLEMENT,
        state=state,
        mode=Mode.MERGE,
        inputs=INPUTS,
        policy="",
        head_sha=HEAD,
        reason="ci is red",
        human_from=State.JUDGING if state is State.NEEDS_HUMAN else None,
        human_reason="judge" if state is State.NEEDS_HUMAN else None,
        created_at=ago(9000),
        updated_at=ago(600),
    )
    return replace(start, **fields)


def awaiting(what: str, *, since: float = 600, deadline: float = -3000) -> Awaited:
    return Awaited(what=what, since=ago(since), deadline=ago(deadline))


def launched(seq: int = 1, *, age: float = 600, selection: tuple[str, ...] = ("check_state",)) -> Launch:
    return Launch(
        attempt_id="att-1",
        seq=seq,
        selection=selection,
        dagster_run_id=f"{seq:08d}-run",
        reason="test",
        costs_retry=False,
        created_at=ago(age),
    )


def asked(kind: str, *, number: int = 1, sha: str | None = None, text: str = "") -> Request:
    return Request(id=number, kind=kind, by="ada", sha=sha, text=text, at=ago(5), handled_at=None)


def gate_of(opening: Opening) -> Gate:
    return Gate(opening=opening, sha=HEAD, conditions=())


def after(status: str, *, launch: Launch | None = None, **fields: object) -> ResumeFacts:
    """Facts with one launch whose run stands in `status`."""
    last = launch or launched()
    return replace(
        ResumeFacts(launches=(last,), last_run=RunState(run_id=last.dagster_run_id, status=status)), **fields
    )


@dataclass
class World:
    """Does each action at once. `run` says what a started run does with the attempt: its status and the attempt after it."""

    attempt: Attempt
    run: Callable[["World", StartRun | RepeatStart], str]
    now: datetime = NOW
    launches: list[Launch] = field(default_factory=list)
    status: str | None = None
    open_requests: tuple[Request, ...] = ()
    sealed: bool = False
    attempts: int = 1
    did: list[Action] = field(default_factory=list)

    @property
    def facts(self) -> ResumeFacts:
        last = self.launches[-1] if self.launches else None
        return ResumeFacts(
            launches=tuple(self.launches),
            last_run=RunState(run_id=last.dagster_run_id, status=self.status) if last and self.status else None,
            requests=self.open_requests,
            evidence_sealed=self.sealed,
            attempts_made=self.attempts,
        )

    def until_rest(self, *, most: int = 200) -> Action:
        """The action at which nothing more happens by itself; fails where that never comes."""
        for _ in range(most):
            action = next_action(self.attempt, self.facts, self.now)
            self.did.append(action)
            if isinstance(action, Nothing) or (isinstance(action, WaitUntil) and action.until is None):
                return action
            self._do(action)
        raise AssertionError(f"no rest after {most} actions; the last: {self.did[-3:]}")

    def started(self, *, evidence: bool) -> list[StartRun]:
        runs = [a for a in self.did if isinstance(a, StartRun)]
        return [r for r in runs if (r.selection == ("evidence",)) is evidence]

    def _do(self, action: Action) -> None:
        match action:
            case StartRun():
                self._launch(action)
                self.status = self.run(self, action)
            case RepeatStart():
                self.now += timedelta(seconds=2)
                self.status = self.run(self, action)
            case FailRun():
                self.status = "failure"
            case WaitUntil(until=until) if until is not None:
                assert until > self.now, "waiting must take time"
                self.now = until
            case MoveTo():
                self._move(action)
            case StartAttempt():
                self._next_attempt(action)
            case Settle():
                assert action.handle
                self._handled(action.handle)
            case SettleIntents():
                raise AssertionError("this world has no intents")
            case _:
                raise AssertionError(action)

    def _launch(self, action: StartRun) -> None:
        assert self.status not in {"queued", "starting", "started"}
        self.launches.append(
            replace(
                launched(action.seq, selection=tuple(action.selection)),
                created_at=self.now,
                costs_retry=action.costs_retry,
            )
        )
        retries = self.attempt.infrastructure_retries + action.costs_retry
        self.attempt = replace(self.attempt, infrastructure_retries=retries)

    def _move(self, action: MoveTo) -> None:
        assert allowed(self.attempt.state, action.target)
        fields = action.fields(self.attempt)
        source = self.attempt.state if action.target is State.NEEDS_HUMAN else None
        if self.attempt.state is State.NEEDS_HUMAN:
            fields |= {"human_reason": None}
        self.sealed = False
        self.attempt = replace(
            self.attempt,
            state=action.target,
            reason=action.reason,
            awaited=None,
            human_from=source,
            finished_at=self.now if action.target in STOPPED else None,
            **fields,
        )
        self._handled(action.handle)

    def _next_attempt(self, action: StartAttempt) -> None:
        assert self.attempt.state is State.NEEDS_ITERATION or allowed(self.attempt.state, State.NEEDS_ITERATION)
        self.attempts += 1
        self.attempt = attempt_in(State.QUEUED, number=self.attempts, next_prompt=action.next_prompt)
        self.launches, self.status, self.sealed = [], None, False
        self._handled(action.handle)

    def _handled(self, handle: tuple[int, ...]) -> None:
        self.open_requests = tuple(r for r in self.open_requests if r.id not in handle)
