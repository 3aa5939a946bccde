"""Taking up what people ask for on GitHub: labels put on and taken off, issues closed, commands in comments.
Each repository is looked through from where the last look ended; heeding what is found there is heeding.py."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.commands import parse_commands
from oneshot_dagster.domain.errors import LeaseLost, OneshotError, StaleState, TryAgain
from oneshot_dagster.domain.intake import refused_repository
from oneshot_dagster.domain.trigger import LABEL
from oneshot_dagster.services.github.protocol import Comment, Issue
from oneshot_dagster.services.store.protocol import Watched
from oneshot_dagster.steps.heeding import Look, comment_name, glance, heed_comment, heed_issue
from oneshot_dagster.steps.lease import held_by_name
from oneshot_dagster.steps.services import Services

EVERY, EVERY_LOCALLY = 30.0, 4.0  # seconds between two looks of which nobody told; the forge has no limits
_SOON = 5.0
_BUSY = 1.0  # who looks through it now may have read it before what we were told of
_FIRST = timedelta(minutes=10)  # what was said before the first look and is older says nothing
_OVERLAP = timedelta(minutes=2)  # GitHub's lists may be a little behind
_LATER = (TryAgain, LeaseLost, StaleState)  # the same look may succeed later


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was done, a sentence each, and which changes were taken in."""

    said: list[str] = field(default_factory=list[str])
    taken_in: list[ChangeKey] = field(default_factory=list[ChangeKey])


def take_up(services: Services, *, repositories: Collection[str] = ()) -> list[str]:
    """As `look_through`; the sentences alone."""
    return look_through(services, repositories=repositories).said


def look_through(services: Services, *, repositories: Collection[str] = ()) -> Found:
    """These repositories at once, and those that are due. Raises TryAgain where the database is away; a repository that
    cannot be read stops no other."""
    named = [entry.strip().lower() for entry in services.limits.repositories if not entry.strip().endswith("*")]
    due = services.store.triggers.due(named)
    wanted = dict.fromkeys((*sorted(name.lower() for name in repositories), *due))
    found = Found()
    for repository in wanted:
        if _is_ours(services, repository):
            _look_through(services, repository, found)
    return found


def _is_ours(services: Services, repository: str) -> bool:
    owner, _, name = repository.partition("/")
    return refused_repository(ChangeKey(owner, name, 1), services.limits.repositories) is None


def _look_through(services: Services, repository: str, found: Found) -> None:
    """How far it got is kept only where all that was found could be heeded: the rest is found again."""
    store, github = services.store, services.github
    so_far, before = store.triggers.watched(repository), store.now() - _FIRST
    every = EVERY_LOCALLY if services.limits.is_local_forge else EVERY
    try:
        issues = github.issues_since(repository, so_far.issues_since or before)
        if so_far.issues_since is None:  # a label that is on may be older
            listed = {issue.number for issue in issues}
            issues += tuple(i for i in github.labelled_issues(repository, LABEL) if i.number not in listed)
        comments = github.comments_since(repository, so_far.comments_since or before)
        whole = _heed_all(services, repository, found, issues, comments)
    except OneshotError as error:
        wait = _BUSY if isinstance(error, LeaseLost) else max(every, getattr(error, "after", None) or 0.0)
        store.triggers.looked(repository, issues_since=None, comments_since=None, seconds=wait)
        found.said.append(f"could not look through {repository}: {error}")
        return
    reached = _reached(so_far, issues, comments, before) if whole else so_far
    store.triggers.looked(
        repository,
        issues_since=reached.issues_since,
        comments_since=reached.comments_since,
        seconds=every if whole else _SOON,
    )


def _reached(so_far: Watched, issues: Sequence[Issue], comments: Sequence[Comment], before: datetime) -> Watched:
    """By GitHub's own clock. It does not move while nothing does, so that the same question gets the same answer for free."""

    def later(since: datetime | None, times: list[datetime]) -> datetime:
        return max([since or before, *(time - _OVERLAP for time in times)])

    return Watched(
        issues_since=later(so_far.issues_since, [issue.updated_at for issue in issues]),
        comments_since=later(so_far.comments_since, [comment.updated_at for comment in comments]),
    )


def _heed_all(
    services: Services, repository: str, found: Found, issues: Sequence[Issue], comments: Sequence[Comment]
) -> bool:
    """Whether nothing is left. The lease is taken only where there is something to heed."""
    triggers = services.store.triggers
    changed = triggers.changed(repository, {issue.number: glance(issue) for issue in issues})
    asking = {(c.number, comment_name(c)): c for c in comments if parse_commands(c.body)}
    new = triggers.undecided(repository, asking)
    if not changed and not new:
        return True
    who = f"intake-{threading.get_ident()}"
    with held_by_name(services.store, f"intake:{repository}", who, seconds=services.limits.lease_seconds) as holding:
        look = Look(services=services, repository=repository, held=holding, said=found.said, taken_in=found.taken_in)
        whole = [
            _one(look, issue.number, lambda i=issue: heed_issue(look, i)) for issue in issues if issue.number in changed
        ]
        for place, comment in asking.items():
            if place in new:
                whole.append(_one(look, comment.number, lambda c=comment: heed_comment(look, c)))
        return all(whole)


def _one(look: Look, number: int, heed: Callable[[], None]) -> bool:
    """False where it has to be looked at again. Whatever one does, the others are heeded."""
    try:
        heed()
    except _LATER as error:
        look.said.append(f"{look.repository}#{number}: {error}")
        return False
    except Exception as error:  # noqa: BLE001 - one bad issue or comment must not stop the others
        sentence = str(error) if isinstance(error, OneshotError) else f"{type(error).__name__}: {error}"
        look.services.store.triggers.refuse(look.key(number), code="fault", actor="engine", sentence=sentence)
        look.said.append(f"{look.repository}#{number}: {sentence}")
    return True
