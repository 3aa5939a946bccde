"""Whether somebody's word on GitHub approves the head of a change: of which commit it was said, and who owns what is protected.
That they have write access was seen before; what an approval lets through is the judge's."""

from datetime import datetime, timedelta

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.code_owners import PLACES, not_owned
from oneshot_dagster.domain.intake import Refused
from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.domain.protected import protected_files
from oneshot_dagster.steps.services import Services

_WHOLE_SECOND = timedelta(seconds=1)  # GitHub's times are cut off there


def refused_approval(services: Services, attempt: Attempt, *, by: str, named: str, said_at: datetime) -> Refused | None:
    """`named` is the beginning of a SHA, "" where they named none: then the head that was there when they said it."""
    head = attempt.head_sha
    if head is None or attempt.pr_number is None:
        return Refused(code="nothing_to_approve", found="there is no pull request yet", do="wait for it")
    if named and not head.startswith(named):
        return Refused(code="other_commit", found=f"the head is {head[:12]}", do="look at it and name it")
    pull = services.github.pull(attempt.key.repository, attempt.pr_number)
    moved = pull is None or pull.head_sha != head
    if moved or (not named and not _was_there(services, attempt, head, said_at)):
        found = "the head moved about when this was said"
        return Refused(code="head_moved", found=found, do="look at the present one and name it: `/oneshot approve SHA`")
    return _refused_owner(services, attempt, head, by)


def _was_there(services: Services, attempt: Attempt, head: str, said_at: datetime) -> bool:
    facts = services.store.facts.of(attempt.id)
    return any(fact.sha == head and fact.at <= said_at + _WHOLE_SECOND for fact in facts)


def _refused_owner(services: Services, attempt: Attempt, head: str, by: str) -> Refused | None:
    repository = attempt.key.repository
    snapshot = services.store.projections.snapshot(repository, pr_number=attempt.pr_number or 0, head_sha=head)
    if snapshot is None:
        return Refused(
            code="not_read_yet", found=f"the files of {head[:12]} were not read yet", do="say it again later"
        )
    paths = protected_files(snapshot, parse_policy(attempt.policy).protect.paths)
    others = not_owned(_code_owners(services, attempt), paths, by) if paths else {}
    if not others:
        return None
    path, owners = next(iter(others.items()))
    found = f"{path} is protected, and {by} is not among its code owners ({', '.join(owners)})"
    do = "one of them by name has to approve; who is in a team is not told to us"
    return Refused(code="not_code_owner", found=found, do=do)


def _code_owners(services: Services, attempt: Attempt) -> str:
    """At the base, as all that a repository says of itself; "" where it says nothing."""
    for place in PLACES:
        content = services.git.read_file(attempt.key.repository, sha=attempt.base_sha or "", path=place)
        if content is not None:
            return content.decode(errors="replace")
    return ""
