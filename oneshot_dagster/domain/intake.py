"""The guards at the door: whether a change may be taken in, or one clear sentence why not.
Reading what they look at is steps/intake."""

from collections.abc import Sequence
from dataclasses import dataclass

from oneshot_dagster.domain.change import ChangeKey

_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """`code` is stable, for machines; `found` and `do` are for people. Without `do`, `found` says both."""

    code: str
    found: str
    do: str

    @property
    def sentence(self) -> str:
        return f"{self.found}; {self.do}" if self.do else self.found


@dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """`base` is the branch to start from, `head` the branch to work on."""

    base: str
    head: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """What was asked, and what GitHub says of it.

    `default_branch` None: no such repository, or we may not see it. `issue_open` None: no such issue.
    `pull_of` is the change whose pull request carries this number. `base` None asks for the default branch;
    `base_exists` is of the one that is asked for, or of the default.
    """

    key: ChangeKey
    repositories: tuple[str, ...]
    default_branch: str | None
    issue_open: bool | None
    is_pull_request: bool = False
    pull_of: ChangeKey | None = None
    base: str | None = None
    base_exists: bool = True


def admit(asked: Admission) -> Admitted | Refused:
    """The first guard that refuses decides; the allowlist comes first, so that nothing is said of other repositories."""
    return (
        refused_repository(asked.key, asked.repositories)
        or _refused_issue(asked)
        or _refused_base(asked)
        or Admitted(base=asked.base or asked.default_branch or "", head=asked.key.branch)
    )


def paused(repository: str, stuck: Sequence[ChangeKey], most: int) -> Refused | None:
    """The circuit breaker: so many changes in a row need a person that more of them would only wait too. 0 is never."""
    if not most or len(stuck) < most:
        return None
    named = ", ".join(f"#{key.issue_number}" for key in stuck[-_NAMED:])
    return Refused(
        code="intake_paused",
        found=f"intake of {repository} is paused: {len(stuck)} changes in a row need a person ({named})",
        do=f"help one of them on or stop it, or `oneshot resume-intake {repository}`; then ask for this again",
    )


def refused_repository(key: ChangeKey, repositories: Sequence[str]) -> Refused | None:
    """The allowlist of the settings: `owner/repo` or `owner/*`, and an empty one allows nothing."""
    entries = {entry.strip().lower() for entry in repositories}
    if entries & {key.repository, f"{key.owner}/*"}:
        return None
    allowed = ", ".join(sorted(entries)) or "nothing: the list is empty"
    return Refused(
        code="repository_not_allowed",
        found=f"{key.repository} is not among the allowed repositories ({allowed})",
        do=f"add {key.repository} to ONESHOT_REPOSITORIES if this platform may work on it",
    )


def _refused_issue(asked: Admission) -> Refused | None:
    key = asked.key
    if asked.default_branch is None:
        return Refused(
            code="repository_not_found",
            found=f"{key.repository} does not exist, or this platform's token may not see it",
            do="check the name and what the token has access to",
        )
    if asked.issue_open is None:
        return Refused(
            code="issue_not_found",
            found=f"{key.repository} has no issue {key.issue_number}",
            do="give the number of an open issue",
        )
    if asked.is_pull_request:
        return _refused_pull(asked)
    if not asked.issue_open:
        return Refused(code="issue_closed", found=f"issue {key} is closed", do="reopen it first if it is still wanted")
    return None


def _refused_pull(asked: Admission) -> Refused:
    key, owner = asked.key, asked.pull_of
    if owner is None:
        return Refused(
            code="is_pull_request",
            found=f"{key} is a pull request that no change of ours has opened",
            do="give the number of an issue",
        )
    return Refused(
        code="is_pull_request",
        found=f"{key} is the pull request of the change {owner}",
        do=f"use {owner}",
    )


def _refused_base(asked: Admission) -> Refused | None:
    if asked.base_exists:
        return None
    base = asked.base or asked.default_branch
    return Refused(
        code="base_not_found",
        found=f"{asked.key.repository} has no branch {base!r}",
        do=f"give a base branch that exists, such as {asked.default_branch}",
    )
