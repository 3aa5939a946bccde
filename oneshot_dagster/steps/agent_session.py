"""One session of the agent in a turn: in a clean worktree, its events on their way to log and store while it works, and
the budget that stops it. What it is asked is prompting.py; what becomes of its work is patch.py."""

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass

from oneshot_dagster.services.agent.protocol import AgentEvent, AgentRequest, AgentResult, Usage
from oneshot_dagster.steps.agent_setup import SetUp, set_up
from oneshot_dagster.steps.spent import while_it_works
from oneshot_dagster.steps.turn import Turn

SESSION = "implementation-session"  # the file by which a session is taken up again
_BATCH = 50
_LONGEST_WAIT = 2.0  # seconds that a message waits for the store


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """`over` is the code of the budget at which it was stopped, or None."""

    result: AgentResult
    over: str | None
    set_up: SetUp


def play(turn: Turn, prompt: str, start_sha: str) -> Played:
    """Leftovers of an interrupted agent are kept as a bundle first."""
    attempt, services = turn.attempt, turn.services
    with services.git.hold(attempt.key) as lock, ExitStack() as stack:
        tree = services.git.provision(
            attempt.key,
            base=attempt.inputs.base,
            head=attempt.inputs.head,
            recorded_head=start_sha,
            branch=attempt.inputs.head,
        )
        turn.keep(tree)
        ready = stack.enter_context(set_up(turn, tree.path, start_sha, held=lock))
        resume, session = _last_session(turn)
        request = AgentRequest(
            worktree=tree.path,
            prompt=prompt,
            resume=resume,
            session=session,
            wall=services.limits.agent_wall,
            stall=services.limits.agent_stall,
            home=ready.home,
            keep_open=(lock,),
        )
        listener = _Listener(turn)
        try:
            result = services.agent.run(request, on_event=listener.hear, cancelled=listener.is_to_stop)
        finally:
            if not turn.held.lost:
                listener.flush()
        turn.check_lease()
    return Played(result=result, over=listener.over, set_up=ready)


def _last_session(turn: Turn) -> tuple[str | None, bytes | None]:
    """Of this attempt, else of the newest before it that had one."""
    for attempt in (turn.attempt, *reversed(turn.earlier())):
        if attempt.agent_resume is not None:
            return attempt.agent_resume, turn.read_file(SESSION, of=attempt.id)
    return None, None


class _Listener:
    """Messages go to the store in batches, by number and by time; each usage is held against what the change may use."""

    def __init__(self, turn: Turn) -> None:
        self._turn, self._count = turn, 0
        self._clock = turn.services.clock
        self._waiting: deque[dict[str, object]] = deque()
        self._since = 0.0
        self._used = Usage()
        self._exceeds = while_it_works(turn.services, turn.attempt)
        self.over: str | None = None

    def hear(self, event: AgentEvent) -> None:
        self._turn.say(f"agent: {event.text[:300]}" if event.text else f"agent: {event.kind}")
        if event.kind == "usage":
            self._used = _usage(event)
        if not self._waiting:
            self._since = self._clock.monotonic()
        self._count += 1
        self._waiting.append(
            {
                "dedupe_key": f"{self._turn.attempt.id}:{self._turn.run_id}:{self._count}",
                "kind": event.kind,
                "role": "assistant",
                "content": event.text,
                "attrs": dict(event.raw),
                "timestamp": self._clock.now(),
            }
        )
        if len(self._waiting) >= _BATCH:
            self.flush()

    def is_to_stop(self) -> bool:
        """Asked a few times a second while the agent works."""
        if self._waiting and self._clock.monotonic() - self._since >= _LONGEST_WAIT:
            self.flush()
        self.over = self.over or self._exceeds(self._used)
        return self.over is not None or self._turn.cancelled()

    def flush(self) -> None:
        if self._waiting:
            self._turn.store.notes.add_messages(self._turn.attempt.id, tuple(self._waiting))
            self._waiting.clear()


def _usage(event: AgentEvent) -> Usage:
    def tokens(name: str) -> int | None:
        found = event.raw.get(name)
        return found if isinstance(found, int) else None

    model = event.raw.get("model")
    return Usage(
        input_tokens=tokens("input_tokens"),
        cached_tokens=tokens("cached_tokens"),
        output_tokens=tokens("output_tokens"),
        model=model if isinstance(model, str) else None,
    )
