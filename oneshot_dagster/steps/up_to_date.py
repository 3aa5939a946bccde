"""Whose turn in the lane has come, and whose base moved while it waited: its branch is brought up to date.
Who waits is not: each merge of another would void it again. Asking GitHub for it is check_state.py's."""

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.gate import Gate, GateFacts, Opening
from oneshot_dagster.domain.policy import Policy, parse_policy
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.steps import lane
from oneshot_dagster.steps.base import fetched_tip
from oneshot_dagster.steps.check_state import bring_up_to_date, read_gate
from oneshot_dagster.steps.holds import holds
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.turn import Turn

# Seconds until GitHub has merged the base into a branch: worth a process, because the lane is ours meanwhile.
_SOON = 10.0
_FIRST_LOOK = 0.05


def may_catch_up(services: Services, attempt: Attempt, facts: GateFacts) -> bool:
    """As far as can be told without git: nothing else keeps this head from landing."""
    wanted = _wanted(parse_policy(attempt.policy), facts)
    there = facts.open and not facts.merged and facts.head_sha == attempt.head_sha
    return attempt.kind is not Kind.REVERT and wanted and there and holds(services, attempt, facts) is None


def _wanted(policy: Policy, facts: GateFacts) -> bool:
    """A merge queue tests what it lands itself."""
    return policy.merge.up_to_date and not facts.merge_queue


def is_stale(turn: Turn, facts: GateFacts, gate: Gate, tip: str) -> bool:
    """The base is not in the head, and the policy, or GitHub, asks for it."""
    if gate.opening is Opening.BEHIND:
        return True
    return _wanted(turn.policy, facts) and not turn.services.git.is_ancestor(
        turn.attempt.key.repository, tip, facts.head_sha
    )


def fall_back(turn: Turn, facts: GateFacts, gate: Gate, tip: str) -> str:
    """To its gate, at the head that GitHub is asked to make; why."""
    reason = f"{turn.attempt.inputs.base} moved to {tip[:7]}"
    if turn.attempt.state is not State.AWAITING_CI:
        turn.move(State.AWAITING_CI, f"{reason}; the branch is brought up to date", judged_sha=None)
    bring_up_to_date(turn, facts, gate)
    return reason


def catch_up(turn: Turn) -> bool:
    """Before anything is said of the head again, so that all of it is said in one run. False where there is nothing to do
    first; True where GitHub was asked, and then git shows it already or the attempt is parked."""
    facts, gate = read_gate(turn)
    opens = gate.opening in {Opening.PASSED, Opening.BEHIND}
    if not opens or not may_catch_up(turn.services, turn.attempt, facts) or turn.cancelled():
        return False
    if lane.enter(turn) is None:
        return True
    tip = fetched_tip(turn)
    if not is_stale(turn, facts, gate, tip):
        return False
    fall_back(turn, facts, gate, tip)
    if turn.attempt.state is State.AWAITING_CI:
        _until_git_shows_it(turn, facts.head_sha)
    return True


def _until_git_shows_it(turn: Turn, old: str) -> None:
    git, clock, key = turn.services.git, turn.services.clock, turn.attempt.key
    ended, pause = clock.monotonic() + _SOON, _FIRST_LOOK
    with turn.store.waiting(key) as waiter:
        while git.remote_head(key.repository, turn.attempt.inputs.head) == old and clock.monotonic() < ended:
            waiter.wait(pause)
            pause = min(pause * 2, 1.0)
