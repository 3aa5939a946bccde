"""What we ask of a GitHub App on a repository, each with its reason: one table for connecting, `doctor` and the documents.
https://docs.github.com/rest/authentication/permissions-required-for-github-apps says which call needs which."""

from collections.abc import Mapping
from dataclasses import dataclass

_ORDER = ("", "read", "write", "admin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """`access` is what we ask for, `least` that without which no change gets through ("": it goes on with less)."""

    name: str
    access: str
    least: str
    why: str


PERMISSIONS = (
    Permission(
        name="contents",
        access="write",
        least="write",
        why="clone, push the change's own branch, bring it up to date, merge it, delete it afterwards",
    ),
    Permission(
        name="pull_requests",
        access="write",
        least="write",
        why="open and edit the pull request, read its reviews and threads, answer and resolve threads",
    ),
    Permission(
        name="issues",
        access="write",
        least="read",
        why="read the issue that is asked for, keep one status comment, set labels, say why something is refused",
    ),
    Permission(
        name="checks",
        access="write",
        least="read",
        why="read what CI says of a commit; post our own check `oneshot`, which only an App may",
    ),
    Permission(
        name="statuses",
        access="write",
        least="read",
        why="read commit statuses; GitHub lets a ruleset pin a required check to an App only where the App may write them",
    ),
    Permission(
        name="deployments",
        access="write",
        least="",
        why="record what was deployed where, and how it went",
    ),
    Permission(
        name="actions",
        access="read",
        least="",
        why="read the log of a failed job, so that the next attempt knows what failed",
    ),
    Permission(
        name="administration",
        access="read",
        least="",
        why="read classic branch protection whole; without it only the required checks are seen (rulesets need nothing)",
    ),
    Permission(
        name="metadata",
        access="read",
        least="read",
        why="GitHub gives it with every other: the repository, its rulesets, who has write access",
    ),
)

NOT_ASKED = (
    ("workflows", "a change to .github/workflows is a person's; without it GitHub itself refuses such a push"),
    ("members", "who has write access is read of the repository, teams are not"),
    ("secrets, environments, variables", "nothing of CI's own is read"),
    ("administration: write", "no rule, setting or collaborator is ever changed"),
    ("webhooks", "an App has its own webhook"),
)


def reaches(granted: Mapping[str, str], name: str, access: str) -> bool:
    """Whether what was granted covers that access; "" is always covered."""
    held = granted.get(name, "")
    return _rank(held) >= _rank(access)


def _rank(access: str) -> int:
    return _ORDER.index(access) if access in _ORDER else 0
