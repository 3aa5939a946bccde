"""Heeding one issue or one comment: who asked for what, whether they may, and doing it. Each is decided once and on record.
The table of what does what is domain/trigger; looking through a repository is triggers.py."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from oneshot_dagster.domain import trigger
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.commands import Command, NotUnderstood, Start, parse_commands
from oneshot_dagster.domain.errors import BadInput, Refusal, TryAgain
from oneshot_dagster.domain.intake import Refused
from oneshot_dagster.domain.messages import refusal_comment
from oneshot_dagster.domain.requests import ENDED
from oneshot_dagster.domain.run import State
from oneshot_dagster.domain.trigger import LABEL, Act, Does, Wish
from oneshot_dagster.services.github.protocol import Comment, Issue
from oneshot_dagster.steps.approval import refused_approval
from oneshot_dagster.steps.ask import ask
from oneshot_dagster.steps.intake import sha256_of
from oneshot_dagster.steps.lease import Held
from oneshot_dagster.steps.notices import say
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.starting import show_status, start

_TIMELINE_LAG = timedelta(minutes=1)
_UNANSWERED = frozenset({"machine"})
_SAID_ONCE = frozenset({"no_access", "unknown_actor"})  # who has no access can make us say something once, and no more


@dataclass(kw_only=True, slots=True)
class Look:
    """One look through a repository, under the lease of its intake. `permissions` are those read in this look."""

    services: Services
    repository: str
    held: Held
    said: list[str]
    taken_in: list[ChangeKey]
    permissions: dict[str, str] = field(default_factory=dict[str, str])

    def key(self, number: int) -> ChangeKey:
        return ChangeKey.parse(f"{self.repository}#{number}")

    def permission(self, login: str) -> str:
        if login not in self.permissions:
            self.permissions[login] = self.services.github.permission(self.repository, login)
        return self.permissions[login]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who asked, where, and by which label event or comment (`name`). `place` is the issue or pull request it was said on."""

    login: str | None
    by_bot: bool
    place: ChangeKey
    name: str
    at: datetime


def glance(issue: Issue) -> str:
    """Differs where anything differs that could want something of us."""
    labelled = LABEL in (label.lower() for label in issue.labels)
    return f"{issue.updated_at.isoformat()} {issue.open} {labelled} {sha256_of(issue)[:12]}"


def comment_name(comment: Comment) -> str:
    return f"comment {comment.comment_id}"


def heed_issue(look: Look, issue: Issue) -> None:
    key = look.key(issue.number)
    triggers, text = look.services.store.triggers, sha256_of(issue)
    triggers.glanced(key, "", text_sha256=text)
    attempt = look.services.store.runs.latest(key)
    if issue.open and LABEL in (label.lower() for label in issue.labels):
        _labelled(look, key, attempt)
    elif trigger.does(Wish.WITHDRAW, attempt) is Does.STOP and attempt is not None:
        _withdrawn(look, issue, attempt)
    if attempt is not None and attempt.state not in ENDED and attempt.inputs.issue_sha256 != text:
        show_status(look.services, attempt)
    triggers.glanced(key, glance(issue), text_sha256=text)


def _labelled(look: Look, key: ChangeKey, attempt: Attempt | None) -> None:
    """Started by a label that was put on after the last attempt was over: one that only stays says nothing."""
    if trigger.does(Wish.START, attempt) is Does.NOTHING:
        _show_new(look, attempt)
        return
    act = trigger.put_on(_acts(look, key))
    if act is not None and attempt is not None and trigger.is_before(act, attempt.finished_at):
        return
    asker = _asker(key, "label", act)
    if not _is_decided(look, asker):
        _decide(look, asker, _unheard(look, asker) or _start(look, key, asker, base=None))


def _withdrawn(look: Look, issue: Issue, attempt: Attempt) -> None:
    """By whomever GitHub let do it. A change that was started without the label is not stopped for want of it."""
    acts = _acts(look, attempt.key)
    act = trigger.taken_off(acts) if issue.open else trigger.closed(acts)
    if act is None and issue.open:
        _wait_for_the_timeline(look, issue, acts)
        return
    if act is not None and trigger.is_before(act, _heeded_since(look, attempt)):
        return
    if not issue.open and _is_merged(look, attempt):
        return
    why = "the label was taken off" if issue.open else "the issue was closed"
    asker = _asker(attempt.key, "unlabel" if issue.open else "close", act)
    if not _is_decided(look, asker):
        _decide(look, asker, _ask(look, attempt, asker, Command(kind="stop", text=why), part=0))


def _wait_for_the_timeline(look: Look, issue: Issue, acts: Sequence[Act]) -> None:
    """GitHub's listing may be ahead of it. Of a label that the repository has no more it never tells."""
    just_now = look.services.store.now() - issue.updated_at < _TIMELINE_LAG
    if trigger.put_on(acts) is not None and just_now:
        raise TryAgain("the label is off, and the timeline does not tell by whom yet")


def _is_merged(look: Look, attempt: Attempt) -> bool:
    """A merge closes its issue, and is told of before the run that merged has written it down."""
    if attempt.pr_number is None:
        return False
    pull = look.services.github.pull(attempt.key.repository, attempt.pr_number)
    return pull is not None and pull.merged


def _heeded_since(look: Look, attempt: Attempt) -> datetime:
    """A merge closes the issue: once that merge is taken back, its closing says nothing of the attempts that follow."""
    runs = look.services.store.runs
    attempts = runs.all_of(attempt.key)
    moves = [move for a in attempts if a.merge_sha for move in runs.transitions(a.id)]
    return max([attempts[0].created_at, *(move.at for move in moves if move.target is State.ROLLED_BACK)])


def heed_comment(look: Look, comment: Comment) -> None:
    place = look.key(comment.number)
    asker = Asker(
        login=comment.author, by_bot=comment.by_bot, place=place, name=comment_name(comment), at=comment.created_at
    )
    unheard = _unheard(look, asker)
    if unheard is None and comment.updated_at != comment.created_at:
        found = "that comment was edited, so nobody can see what it said first"
        unheard = _refuse(look, asker, Refused(code="edited_comment", found=found, do="say it in a new comment"))
    key = look.services.store.runs.change_of_pull(look.repository, comment.number) or place
    commands = parse_commands(comment.body) if unheard is None else ()
    obeyed = [_obey(look, key, asker, command, part) for part, command in enumerate(commands)]
    _decide(look, asker, unheard or "; ".join(obeyed))


def _obey(look: Look, key: ChangeKey, asker: Asker, command: Command | Start | NotUnderstood, part: int) -> str:
    attempt = look.services.store.runs.latest(key)
    if isinstance(command, NotUnderstood):
        return _refuse(look, asker, Refused(code="not_understood", found=command.problem, do=""))
    if isinstance(command, Start):
        return _start(look, key, asker, base=command.base)
    if attempt is None:
        do = f"put the label `{LABEL}` on or comment `/oneshot` to start one"
        return _refuse(look, asker, Refused(code="not_taken_in", found=f"there is no change {key} yet", do=do))
    return _ask(look, attempt, asker, command, part)


def _start(look: Look, key: ChangeKey, asker: Asker, *, base: str | None) -> str:
    attempt = look.services.store.runs.latest(key)
    refused = trigger.refused_start(attempt, base=base)
    if refused is not None:
        return _refuse(look, asker, refused)
    if trigger.does(Wish.START, attempt) is Does.NOTHING:
        _show_new(look, attempt)
        return f"nothing to start, {key} is {trigger.standing(attempt)}"
    issue = look.services.github.issue(key.repository, key.issue_number)
    refused = _refused_text(look, key, asker)
    if refused is not None:
        return _refuse(look, asker, refused)
    text = None if issue is None else sha256_of(issue)
    try:
        taken = start(look.services, key, base=base, by=asker.login or "", text_sha256=text)
    except Refusal as error:
        return _refuse(look, asker, Refused(code=error.code, found=str(error), do=""))
    look.taken_in.append(key)
    return f"{key} was taken in as attempt {taken.number}"


def _show_new(look: Look, attempt: Attempt | None) -> None:
    """A look that died, or GitHub's trouble, may have left it taken in with nobody told; told already, it is not told again."""
    if attempt is not None and attempt.state is State.QUEUED:
        show_status(look.services, attempt)


def _refused_text(look: Look, key: ChangeKey, asker: Asker) -> Refused | None:
    """Looked at after the text was read: what is taken in is the text that is looked at here."""
    edit = look.services.github.last_edit(key.repository, key.issue_number)
    editors = trigger.editors_since(_acts(look, key), asker.at, (edit.editor, edit.at) if edit else None)
    refusals = (trigger.refused_text(who, look.permission(who) if who else "") for who in editors)
    return next((refused for refused in refusals if refused), None)


def _ask(look: Look, attempt: Attempt, asker: Asker, command: Command, part: int) -> str:
    by, is_approval = asker.login or "somebody", command.kind == "approve"
    if is_approval:
        refused = refused_approval(look.services, attempt, by=by, named=command.text, said_at=asker.at)
        if refused is not None:
            return _refuse(look, asker, refused)
    source, text = f"{asker.place} {asker.name} {part}", "" if is_approval else command.text
    try:
        ask(look.services, attempt, command.kind, by=by, text=text, source=source)
    except BadInput as error:
        return _refuse(look, asker, Refused(code="in_vain", found=error.found, do=error.do))
    return f"{command.kind} of {attempt.key} is asked for"


def _unheard(look: Look, asker: Asker) -> str | None:
    """None where whoever asked may; else that it was refused."""
    login = asker.login
    if trigger.is_machine(login, by_bot=asker.by_bot, ours=look.services.github.login):
        found = f"{login} is a bot, or this platform's own identity, and such start and command nothing"
        return _refuse(look, asker, Refused(code="machine", found=found, do="a person has to"))
    refused = trigger.refused_actor(login, "" if login is None else look.permission(login))
    return None if refused is None else _refuse(look, asker, refused)


def _refuse(look: Look, asker: Asker, refused: Refused) -> str:
    """A row each reason and one comment an issue, which says the newest of what was asked by people who may ask."""
    place, actor = asker.place, asker.login or trigger.GHOST
    look.services.store.triggers.refuse(place, code=refused.code, actor=actor, sentence=refused.sentence)
    if refused.code not in _UNANSWERED:
        body = refusal_comment(place, refused)
        again = refused.code not in _SAID_ONCE
        say(look.services, place, look.held, purpose="refused", body=body, again=again)
    return f"refused ({refused.code}): {refused.sentence}"


def _decide(look: Look, asker: Asker, said: str) -> None:
    actor = asker.login or trigger.GHOST
    look.services.store.triggers.decide(asker.place, asker.name, actor=actor, said=said)
    look.said.append(f"{asker.place}, {asker.name} by {actor}: {said}")


def _is_decided(look: Look, asker: Asker) -> bool:
    mine = (asker.place.issue_number, asker.name)
    return mine not in look.services.store.triggers.undecided(look.repository, [mine])


def _asker(key: ChangeKey, what: str, act: Act | None) -> Asker:
    """Of nobody and of no time where the timeline does not tell."""
    if act is None:
        return Asker(login=None, by_bot=False, place=key, name=f"{what} untold", at=datetime.min.replace(tzinfo=UTC))
    return Asker(login=act.actor, by_bot=act.by_bot, place=key, name=f"{what} {act.at.isoformat()}", at=act.at)


def _acts(look: Look, key: ChangeKey) -> list[Act]:
    events = look.services.github.timeline(key.repository, key.issue_number)
    return [Act(event=e.event, actor=e.actor, at=e.at, label=e.label, by_bot=e.by_bot) for e in events]
