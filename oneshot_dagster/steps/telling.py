"""What people see of where a change stands: the status comment, our check at the head, and the brief for who has to decide.
The texts are domain's; nothing is written where it says the same already."""

from collections.abc import Callable, Iterator

from oneshot_dagster.domain import messages
from oneshot_dagster.domain.artifact import Markdown
from oneshot_dagster.domain.attempt import Attempt, WriteAction
from oneshot_dagster.domain.budget import in_words
from oneshot_dagster.domain.errors import NeedsHuman, OneshotError, TryAgain
from oneshot_dagster.domain.intake import paused
from oneshot_dagster.domain.our_check import our_check
from oneshot_dagster.domain.run import HEAD_IS_PUBLIC, STOPPED, State
from oneshot_dagster.domain.withheld import WITHHELD
from oneshot_dagster.steps import effects
from oneshot_dagster.steps.delivery import unverified
from oneshot_dagster.steps.gate import last_gate
from oneshot_dagster.steps.probes import Action
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.spent import spent
from oneshot_dagster.steps.turn import Turn

_BRIEF = "needs-human"
_SEEN = STOPPED | {
    State.AWAITING_CI,
    State.JUDGING,
    State.MERGE_READY,
    State.MERGED,
    State.VERIFYING,
    State.ROLLING_BACK,
}
UNHEARD = (TryAgain, NeedsHuman)  # what telling is forgiven where more is told later


def tell(turn: Turn, attempt: Attempt, *, forgiven: tuple[type[OneshotError], ...] = ()) -> None:
    """Of the attempt as it stands. What is forgiven is said in the log: telling people is not what a change stops for."""
    shown = attempt.state in _SEEN or _untold(turn, attempt)
    for saying in _sayings(attempt, shown=shown):
        try:
            saying(turn, attempt)
        except forgiven as error:
            turn.say(f"not told on GitHub: {error}")


def _untold(turn: Turn, attempt: Attempt) -> bool:
    """Somebody looks for what people ask there, and no word of ours came through yet."""
    if turn.store.triggers.text_of(attempt.key) is None:
        return False
    writes = turn.store.writes.of(attempt.key)
    return not any(w.action == Action.COMMENT and w.outcome in {"done", WITHHELD} for w in writes)


def _sayings(attempt: Attempt, *, shown: bool) -> Iterator[Callable[[Turn, Attempt], None]]:
    if shown:
        yield tell_status
    if attempt.pr_number is not None or attempt.state in HEAD_IS_PUBLIC:
        yield tell_check
    if attempt.state is State.NEEDS_HUMAN:
        yield _tell_human


def tell_status(turn: Turn, attempt: Attempt) -> None:
    """The comment that is edited; without reading the issue, of which only what was seen last is known."""
    seen = turn.store.triggers.text_of(attempt.key)
    used = spent(turn.services, attempt)
    body = messages.status_comment(
        attempt,
        public_url=turn.services.limits.public_url,
        cost=in_words(used.usd, used.tokens),
        unverified=unverified(turn.store, attempt) if attempt.state is State.COMPLETED else None,
        comments=seen is not None,  # somebody looks through this repository's issues and comments
        edited=seen not in {None, attempt.inputs.issue_sha256},
    )
    effects.comment(turn, number=attempt.key.issue_number, purpose="status", body=body)


def tell_check(turn: Turn, attempt: Attempt) -> None:
    """Our check at the head, which the branch may require."""
    services = turn.services
    says = our_check(
        attempt,
        gate=last_gate(services, attempt),
        evaluations=services.store.artifacts.evaluations(attempt.id),
        brief=brief(services, attempt) if attempt.state is State.NEEDS_HUMAN else "",
    )
    url = messages.change_url(services.limits.public_url, attempt)
    effects.check_run(turn, sha=attempt.head_sha or "", says=says, url=url)


def _tell_human(turn: Turn, attempt: Attempt) -> None:
    """On the pull request; on the issue where there is none."""
    number = attempt.pr_number or attempt.key.issue_number
    effects.comment(turn, number=number, purpose=_BRIEF, body=brief(turn.services, attempt))


def brief(services: Services, attempt: Attempt) -> str:
    """The one page for the person who has to decide."""
    repository = attempt.key.repository
    return messages.needs_human_brief(
        attempt,
        earlier=services.store.runs.all_of(attempt.key),
        evaluations=services.store.artifacts.evaluations(attempt.id),
        withheld=withheld(services, attempt),
        paused=paused(repository, services.store.pauses.stuck(repository), services.limits.stuck_changes),
        public_url=services.limits.public_url,
        comments=services.store.triggers.text_of(attempt.key) is not None,
    )


def withheld(services: Services, attempt: Attempt) -> tuple[WriteAction, ...]:
    """What this attempt did not write; the brief itself, which was withheld too, is not among it."""
    return tuple(
        write
        for write in services.store.writes.of(attempt.key)
        if write.attempt_id == attempt.id
        and write.outcome == WITHHELD
        and not (write.action == Action.COMMENT and write.payload.get("purpose") == _BRIEF)
    )


def shown_withheld(turn: Turn) -> dict[str, Markdown | int]:
    """For a record, where anything was withheld."""
    writes = withheld(turn.services, turn.attempt)
    return {"withheld_writes": len(writes), "withheld": Markdown(messages.would_have_written(writes))} if writes else {}
