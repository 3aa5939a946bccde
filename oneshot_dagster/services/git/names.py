"""The strict forms of what reaches git's command line: SHAs, branches, revisions, paths; and how a worktree is called.
Whatever is not of the form is refused, so nothing can be read as an option or as git's revision syntax."""

import hashlib
import re

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PART = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\/]+")
_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9-]{0,38}/[a-z0-9_.-]{1,100}")


def is_sha(text: str) -> bool:
    return _SHA.fullmatch(text) is not None


def sha(text: str) -> str:
    if not is_sha(text):
        raise BadInput(tried="name a commit", found=repr(text), do="give the full SHA: 40 or 64 lower-case hex digits")
    return text


def branch(text: str) -> str:
    """As strict as `git check-ref-format --branch`, without its shorthands."""
    parts = text.split("/")
    bad = (
        len(text) > 200
        or text.startswith("-")
        or text == "@"
        or ".." in text
        or "@{" in text
        or any(not _PART.fullmatch(part) or part.startswith(".") or part.endswith((".lock", ".")) for part in parts)
    )
    if bad or is_sha(text):
        raise BadInput(
            tried="name a branch", found=repr(text), do="give a plain branch name, for example codex/issue-2"
        )
    return text


def revision(text: str) -> str:
    """A SHA as it is, a full `refs/…` name as it is, any other name as that branch of the remote."""
    if is_sha(text):
        return text
    name = branch(text)
    return name if name.startswith("refs/") else f"refs/remotes/origin/{name}"


def repository(text: str) -> str:
    if not _REPOSITORY.fullmatch(text) or text.endswith(("/.", "/..")):
        raise BadInput(tried="name a repository", found=repr(text), do="give owner/name in lower case")
    return text


def path_in_tree(text: str) -> str:
    if "\0" in text or any(part in {"", ".", ".."} for part in text.split("/")):
        raise BadInput(tried="name a file of a repository", found=repr(text), do="give its path from the root")
    return text


def worktree(key: ChangeKey) -> str:
    """`pr-<owner>-<repo>-<N>`. With a dash in the owner two keys could share it: those get a hash, whoever came first."""
    slug = f"pr-{key.owner}-{key.name}-{key.issue_number}"
    if "-" not in key.owner:
        return slug
    return f"{slug}-h{hashlib.sha256(str(key).encode()).hexdigest()[:8]}"
