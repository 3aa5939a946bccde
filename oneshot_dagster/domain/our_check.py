"""What our check `oneshot` says of a head: in progress until it was judged, and green for nothing but a passed judgement of it.
Where it is written is steps/telling; the other texts for people are messages.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from oneshot_dagster.domain.attempt import Attempt, StoredEvaluation
from oneshot_dagster.domain.gate import Gate
from oneshot_dagster.domain.quoting import one_line
from oneshot_dagster.domain.run import State
from oneshot_dagster.domain.tables import conditions_table, stored_rules_table

_TITLE = 120
_ON_THE_WAY = "waiting for CI and review; then it is judged"
_FROM_THE_JUDGEMENT_ON = frozenset(
    {State.MERGE_READY, State.MERGED, State.DEPLOYING, State.VERIFYING, State.COMPLETED, State.ROLLING_BACK, State.ROLLED_BACK}
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckSays:
    """`conclusion` None: it is in progress."""

    conclusion: str | None
    title: str
    summary: str


def our_check(
    attempt: Attempt, *, gate: Gate | None = None, evaluations: Sequence[StoredEvaluation] = (), brief: str = ""
) -> CheckSays:
    """At the attempt's head. `gate` as read last; `brief` is for the person who has to decide.

    A verdict stays when a person is needed after it: who merges by hand then needs it. `neutral`, which GitHub takes for
    passed, is said of nothing that could still be merged.
    """
    judged = [e for e in evaluations if e.sha == attempt.head_sha]
    if attempt.human_reason == "landing_mismatch":
        return _says(attempt, "failure", f"not what was judged has landed: {attempt.reason}", brief)
    if _passed(attempt):
        title = f"judged pass at {(attempt.head_sha or '')[:7]}"
        return _says(attempt, "success", title, _rules(judged))
    if attempt.merge_sha:
        return _says(attempt, "neutral", f"merged by {attempt.merged_by or 'a person'} before it was judged", "")
    match attempt.state:
        case State.NEEDS_HUMAN:
            return _says(attempt, "action_required", f"a person has to decide: {attempt.reason}", brief)
        case State.NEEDS_ITERATION:
            details = _conditions(attempt, gate) + _rules(judged)
            return _says(attempt, "failure", f"attempt {attempt.number} did not get through: {attempt.reason}", details)
        case State.CANCELLED | State.SUPERSEDED:
            return _says(attempt, "cancelled", f"{attempt.state}: {attempt.reason}", "")
        case _:
            return _says(attempt, None, _ON_THE_WAY, "")


def _passed(attempt: Attempt) -> bool:
    """The evaluation passed at exactly this head, and nothing has voided it since."""
    stands = attempt.human_from if attempt.state is State.NEEDS_HUMAN else attempt.state
    return (
        attempt.judged_sha is not None and attempt.judged_sha == attempt.head_sha and stands in _FROM_THE_JUDGEMENT_ON
    )


def _says(attempt: Attempt, conclusion: str | None, title: str, details: str) -> CheckSays:
    about = f"{attempt.key}, attempt {attempt.number}, mode {attempt.mode}, at `{attempt.head_sha}`."
    summary = "\n\n".join(filter(None, (about, details.strip())))
    return CheckSays(conclusion=conclusion, title=one_line(title, _TITLE), summary=summary)


def _conditions(attempt: Attempt, gate: Gate | None) -> str:
    return f"{conditions_table(gate)}\n\n" if gate is not None and gate.sha == attempt.head_sha else ""


def _rules(judged: Sequence[StoredEvaluation]) -> str:
    return stored_rules_table(judged[-1]) if judged else ""
