"""One session of Codex while it runs: what it says becomes events, a log and usage; when it must be stopped; how it ended."""

from collections.abc import Callable
from dataclasses import dataclass, field

from oneshot_dagster.services.agent.codex_events import Said, failure, item_of, read_event
from oneshot_dagster.services.agent.codex_failures import OUT_OF_ROOM, meaning
from oneshot_dagster.services.agent.codex_watch import Meter, Silence
from oneshot_dagster.services.agent.protocol import AgentEnd, AgentEvent, AgentRequest, AgentResult, Failure
from oneshot_dagster.services.agent.transcript import EVENTS_KEPT, read_line
from oneshot_dagster.system.codex.home import Places, keep_session, newest_rollout
from oneshot_dagster.system.process import Finished
from oneshot_dagster.system.process_pipes import Bounded

LOG_LIMIT = 4 * 2**20


@dataclass(kw_only=True)
class Session:
    """`clean` takes secrets out of what is said. Fed by `hear` with its lines; `over` is asked a few times a second."""

    request: AgentRequest
    places: Places
    meter: Meter
    on_event: Callable[[AgentEvent], None]
    cancelled: Callable[[], bool]
    clean: Callable[[bytes], bytes]
    silence: Silence = field(default_factory=Silence)
    thread: str = ""
    turns: int = 0
    completed: bool = False
    failed: str = ""
    stalled: bool = False
    events: list[AgentEvent] = field(default_factory=list[AgentEvent])
    log: Bounded = field(default_factory=lambda: Bounded(LOG_LIMIT))
    _dropped: int = 0
    _answered: bool = False

    def hear(self, line: bytes) -> None:
        cleaned = self.clean(line)
        said = read_line(cleaned)
        if said is None:
            self.log.add(cleaned + b"\n")
            return
        self._note(said)
        event = read_event(said)
        if event is None or self._is_repeated(event):
            return
        self.silence.hear(event, str(item_of(said).get("id")))
        self._keep(event)

    def over(self) -> bool:
        """Whether to stop it now."""
        self._tell_usage()
        self.stalled = self.silence.seconds > self.request.stall
        return self.stalled or self.cancelled()

    @property
    def never_began(self) -> bool:
        """It said nothing of its model's: what failed may be the session that was to be taken up again."""
        return not self.completed and not self._answered

    def result(self, finished: Finished, *, exceeded: str | None = None) -> AgentResult:
        """`exceeded` is the bound for which it was ended, as a sentence."""
        self._tell_usage(now=True)
        end = AgentEnd.FAILED if exceeded else self._end(finished)
        last_words = self.clean(finished.stderr).decode(errors="replace").strip()
        reason = f"the agent was stopped: {exceeded}" if exceeded else self._reason(end, finished, last_words)
        means, code = (Failure.OWN, "agent_over_bounds") if exceeded else self._meaning(end, reason)
        if last_words:
            self.log.add(f"\n--- stderr ---\n{last_words}\n".encode())
        if self._dropped:
            self.log.add(f"\n--- {self._dropped} more events were not kept ---\n".encode())
        kept = None if code == OUT_OF_ROOM else keep_session(self.places, self.thread, self.clean)
        return AgentResult(
            end=end,
            reason=reason,
            exit_code=finished.returncode if end in {AgentEnd.FINISHED, AgentEnd.FAILED} else None,
            seconds=finished.seconds,
            usage=self.meter.usage,
            log=self.log.value(),
            events=tuple(self.events),
            resume=self.thread if kept is not None else None,
            session=kept,
            failure=means,
            code=code,
        )

    def _note(self, said: Said) -> None:
        kind = said.get("type")
        if kind == "thread.started":
            self.thread = str(said.get("thread_id", ""))[:64]
        elif kind == "turn.completed":
            self.completed = True
        elif kind == "turn.failed":
            self.failed = failure(said)
        elif kind in {"item.started", "item.completed"}:
            self._answered = self._answered or item_of(said).get("type") != "error"

    def _is_repeated(self, event: AgentEvent) -> bool:
        """It tells the error that ends a turn twice."""
        return bool(self.events) and event.kind == "error" and self.events[-1].text == event.text

    def _keep(self, event: AgentEvent) -> None:
        output = event.raw.get("output")
        self.log.add(f"[{event.kind}] {event.text}\n{output or ''}".rstrip().encode(errors="replace") + b"\n")
        if len(self.events) >= EVENTS_KEPT:
            self._dropped += 1
            return
        self.events.append(event)
        self.on_event(event)

    def _tell_usage(self, *, now: bool = False) -> None:
        if not self.meter.look(newest_rollout(self.places, self.thread), now=now):
            return
        used = self.meter.usage
        raw = {
            "input_tokens": used.input_tokens,
            "cached_tokens": used.cached_tokens,
            "output_tokens": used.output_tokens,
            "model": used.model,
        }
        self._keep(AgentEvent(kind="usage", text=f"{used.input_tokens} + {used.output_tokens} tokens", raw=raw))

    def _end(self, finished: Finished) -> AgentEnd:
        if finished.timed_out:
            return AgentEnd.TIMED_OUT
        if finished.cancelled:
            return AgentEnd.STALLED if self.stalled else AgentEnd.CANCELLED
        return AgentEnd.FINISHED if finished.returncode == 0 and self.completed else AgentEnd.FAILED

    def _reason(self, end: AgentEnd, finished: Finished, last_words: str) -> str:
        match end:
            case AgentEnd.CANCELLED:
                return "the agent was stopped on request"
            case AgentEnd.TIMED_OUT:
                return f"the agent was stopped after {self.request.wall:g} s, its time for one attempt"
            case AgentEnd.STALLED:
                return f"the agent was stopped: its model had said nothing for {self.request.stall:g} s"
            case AgentEnd.FINISHED:
                said = any(event.kind == "message" for event in self.events)
                return "the agent finished" + ("" if said else " without a word")
            case AgentEnd.FAILED:
                why = self.failed or last_words.rpartition("\n")[2] or "it did not say why"
                return f"the agent failed with exit code {finished.returncode}: {why[:500]}"

    def _meaning(self, end: AgentEnd, reason: str) -> tuple[Failure, str]:
        if end is AgentEnd.STALLED:
            return Failure.PROVIDER, "agent_model_silent"
        return meaning(self.failed or reason) if end is AgentEnd.FAILED else (Failure.OWN, "")
