"""Who may start, stop and command a change on GitHub, and what a start or a withdrawal does where the change stands: one table.
Reading a comment is commands.py, what a command finds is steps/ask; labels and comments are looked for by steps/triggers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.commands import may_command
from oneshot_dagster.domain.intake import Refused
from oneshot_dagster.domain.run import BEFORE_MERGE, LIVE, OBSERVE_ONLY, Kind, State

LABEL = "oneshot"
GHOST = "ghost"  # GitHub's name for an account that is gone


class Wish(StrEnum):
    START = "start"  # the label was put on, or `/oneshot` was said
    WITHDRAW = "withdraw"  # the label was taken off, or the issue closed


class Does(StrEnum):
    TAKE_IN = "take in"
    STOP = "stop"  # a request, as `/oneshot stop` is one: what is intended outside is settled first
    NOTHING = "nothing"
    REFUSE = "refuse"


class Standing(StrEnum):
    NEW = "never taken in"
    ON_ITS_WAY = "on its way"
    MERGING = "merged, and running to its end"
    OBSERVED = "only observed"
    FOR_A_PERSON = "waiting for a person"
    BETWEEN = "between two attempts"
    ENDED = "cancelled or superseded"
    COMPLETED = "completed"


DOES: dict[Standing, dict[Wish, Does]] = {
    Standing.NEW: {Wish.START: Does.TAKE_IN, Wish.WITHDRAW: Does.NOTHING},
    Standing.ON_ITS_WAY: {Wish.START: Does.NOTHING, Wish.WITHDRAW: Does.STOP},
    Standing.MERGING: {Wish.START: Does.NOTHING, Wish.WITHDRAW: Does.NOTHING},
    Standing.OBSERVED: {Wish.START: Does.TAKE_IN, Wish.WITHDRAW: Does.STOP},
    Standing.FOR_A_PERSON: {Wish.START: Does.NOTHING, Wish.WITHDRAW: Does.STOP},
    Standing.BETWEEN: {Wish.START: Does.NOTHING, Wish.WITHDRAW: Does.STOP},
    Standing.ENDED: {Wish.START: Does.TAKE_IN, Wish.WITHDRAW: Does.NOTHING},
    Standing.COMPLETED: {Wish.START: Does.REFUSE, Wish.WITHDRAW: Does.NOTHING},
}


def standing(attempt: Attempt | None) -> Standing:
    """Of the newest attempt of a change."""
    if attempt is None:
        return Standing.NEW
    if attempt.kind is Kind.REVERT and attempt.state is not State.COMPLETED:
        return Standing.MERGING
    if attempt.state in BEFORE_MERGE:
        return Standing.ON_ITS_WAY
    if attempt.state in LIVE:
        return Standing.MERGING
    if attempt.state is State.NEEDS_HUMAN:
        return _of_a_person(attempt)
    if attempt.state is State.NEEDS_ITERATION:
        return Standing.BETWEEN
    return Standing.COMPLETED if attempt.state is State.COMPLETED else Standing.ENDED


def _of_a_person(attempt: Attempt) -> Standing:
    if attempt.merge_sha is not None:
        return Standing.MERGING
    only_observed = attempt.human_reason == OBSERVE_ONLY and attempt.pr_number is None
    return Standing.OBSERVED if only_observed else Standing.FOR_A_PERSON


def does(wish: Wish, attempt: Attempt | None) -> Does:
    return DOES[standing(attempt)][wish]


def refused_start(attempt: Attempt | None, *, base: str | None) -> Refused | None:
    """Where a start would not do what was asked."""
    if attempt is None:
        return None
    at = standing(attempt)
    if at is Standing.COMPLETED:
        return Refused(code="completed", found=f"{attempt.key} is completed", do="open a new issue for what is left")
    if at is not Standing.ENDED and base not in {None, attempt.inputs.base}:
        return Refused(
            code="other_base",
            found=f"{attempt.key} is on its way to {attempt.inputs.base}",
            do=f"stop it first, then start it on {base}",
        )
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One line of an issue's timeline that we look at: `label` for labeled and unlabeled, else None."""

    event: str
    actor: str | None
    at: datetime
    label: str | None
    by_bot: bool


def put_on(acts: Sequence[Act]) -> Act | None:
    """The latest putting on of our label that still holds."""
    last = _last_of_label(acts)
    return last if last and last.event == "labeled" else None


def taken_off(acts: Sequence[Act]) -> Act | None:
    last = _last_of_label(acts)
    return last if last and last.event == "unlabeled" else None


def closed(acts: Sequence[Act]) -> Act | None:
    last = [act for act in acts if act.event in {"closed", "reopened"}][-1:]
    return last[0] if last and last[0].event == "closed" else None


def _last_of_label(acts: Sequence[Act]) -> Act | None:
    ours = [a for a in acts if a.event in {"labeled", "unlabeled"} and (a.label or "").lower() == LABEL]
    return ours[-1] if ours else None


def editors_since(
    acts: Sequence[Act], asked_at: datetime, last_edit: tuple[str | None, datetime] | None
) -> set[str | None]:
    """Who changed the issue's text in the second it was asked for or later; None is nobody that is known."""
    editors = {act.actor for act in acts if act.event == "renamed" and act.at >= asked_at}
    if last_edit is not None and last_edit[1] >= asked_at:
        editors.add(last_edit[0])
    return editors


def refused_text(editor: str | None, permission: str) -> Refused | None:
    """What was asked for is the text that they saw who asked."""
    if editor is not None and may_command(permission):
        return None
    found = f"{editor or 'somebody'} edited the issue after that, and has no write access"
    return Refused(code="edited_since", found=found, do="read it as it is now and ask for it again")


def is_before(act: Act, moment: datetime | None) -> bool:
    """GitHub tells whole seconds: what is of the same one counts as after."""
    return moment is not None and act.at < moment.replace(microsecond=0)


def is_machine(login: str | None, *, by_bot: bool, ours: str) -> bool:
    """Machines are neither heeded nor answered: two that answer each other never end."""
    return by_bot or (login or "").lower().endswith("[bot]") or (login or "").lower() == ours.lower()


def refused_actor(login: str | None, permission: str) -> Refused | None:
    """`permission` as read live at this moment."""
    if login is None or login.lower() == GHOST:
        do = "somebody with write access has to ask for it"
        return Refused(code="unknown_actor", found="GitHub does not say who asked", do=do)
    if may_command(permission):
        return None
    found = f"{login} has no write access here"
    return Refused(code="no_access", found=found, do="somebody who has it can put the label on or comment `/oneshot`")
