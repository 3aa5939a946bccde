"""What we say on an issue where no attempt is at hand: one comment a purpose, its intent on record first.
Under the lease of the repository's intake, so that nobody else says it at the same time; in mode observe nothing is said."""

import contextlib

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import LeaseLost, NeedsHuman, Refusal
from oneshot_dagster.domain.messages import marker
from oneshot_dagster.domain.run import Mode
from oneshot_dagster.services.store.protocol import Notice
from oneshot_dagster.steps.lease import Held
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.trust import observes, policy_at_tip


def say(services: Services, place: ChangeKey, held: Held, *, purpose: str, body: str, again: bool) -> None:
    """`again`: where something else was said, it is edited; else the first word stands. Raises TryAgain."""
    notices = services.store.notices
    before = notices.of(place, purpose)
    if before is not None and before.settled and (not again or (before.body == body and not before.withheld)):
        return
    if not _may_write(services, place):
        if before is None:
            notices.intend(place, purpose, body=body)
            notices.settle(place, purpose, comment_id=None, withheld=True)
        return
    notices.intend(place, purpose, body=body)
    if held.lost:
        raise LeaseLost(f"the intake of {place.repository} was lost before a word was said")
    with contextlib.suppress(NeedsHuman):  # closed to comments, or ours was deleted: it is not said
        made = _write(services, place, before, purpose=purpose, body=body)
        notices.settle(place, purpose, comment_id=made)
        return
    notices.settle(place, purpose, comment_id=None)


def _write(services: Services, place: ChangeKey, before: Notice | None, *, purpose: str, body: str) -> int:
    """The comment's id. What an earlier intent left is looked for before a comment is made."""
    github, repository, begins = services.github, place.repository, marker(place, purpose)
    text = f"{begins}\n{body}"
    if before is not None and before.comment_id is not None:
        return github.edit_comment(repository, before.comment_id, text).comment_id
    for comment in github.comments(repository, place.issue_number):
        if comment.author == github.login and comment.body.startswith(begins):
            return github.edit_comment(repository, comment.comment_id, text).comment_id
    return github.comment(repository, place.issue_number, text).comment_id


def _may_write(services: Services, place: ChangeKey) -> bool:
    """As the change on this issue is trusted; where there is none, as the repository's policy says now."""
    attempt = services.store.runs.latest(place)
    if attempt is not None:
        return not observes(services, attempt)
    base = services.github.default_branch(place.repository) if services.limits.mode is not Mode.OBSERVE else None
    if base is None:
        return False
    try:
        return policy_at_tip(services, place, base)[1] is not Mode.OBSERVE
    except Refusal:  # it is wrong, and says nothing; people are told so
        return True
