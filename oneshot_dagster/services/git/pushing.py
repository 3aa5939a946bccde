"""Moves a branch of the remote, compare-and-set and never back; a lost race is an answer, a refusal is for a person."""

import contextlib

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.services.git import names
from oneshot_dagster.services.git.bare import Bare
from oneshot_dagster.services.git.failures import failure
from oneshot_dagster.system.process import Finished

_MOVED_MEANWHILE = ("(stale info)", "(fetch first)", "(non-fast-forward)", "cannot lock ref", "failed to update ref")


def push(bare: Bare, *, sha: str, branch: str, expected: str | None) -> str | None:
    """None where the branch stands at `sha` now, else where it stands."""
    names.branch(branch)
    if expected is not None and not _descends(bare, ancestor=names.sha(expected), descendant=names.sha(sha)):
        return _standing(bare, branch)
    finished = _send(bare, branch, source=names.sha(sha), expected=expected or "")
    if finished.returncode == 0:
        _track(bare, branch, sha)
        return None
    return _where_it_stands(bare, branch, finished, expected)


def delete_branch(bare: Bare, *, branch: str, expected: str) -> bool:
    """True where it is gone afterwards."""
    names.branch(branch)
    finished = _send(bare, branch, source="", expected=names.sha(expected))
    if finished.returncode != 0 and _lost(finished) is None:
        raise failure(("push",), finished)
    if finished.returncode != 0 and bare.remote_head(branch) is not None:
        if bare.remote_head(branch) == expected:
            raise _refused(branch, finished)
        return False
    _track(bare, branch, None)
    return True


def _send(bare: Bare, branch: str, *, source: str, expected: str) -> Finished:
    ref = f"refs/heads/{branch}"
    options = ("--porcelain", "--no-verify", f"--force-with-lease={ref}:{expected}")
    return bare.remote("push", *options, rest=(f"{source}:{ref}",), accept=range(256))


def _where_it_stands(bare: Bare, branch: str, finished: Finished, expected: str | None) -> str:
    why = _lost(finished)
    if why is None:
        raise failure(("push",), finished)
    head = bare.remote_head(branch)
    if head is not None and (head != expected or any(word in why for word in _MOVED_MEANWHILE)):
        return head
    if head is None and expected is not None:
        raise NeedsHuman(f"the branch {branch} is gone from the remote", reason="branch_gone")
    raise _refused(branch, finished)


def _lost(finished: Finished) -> str | None:
    """The remote's answer for the one ref we sent, None where the push did not get as far."""
    for line in finished.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("!"):
            return line.rpartition("\t")[2]
    return None


def _refused(branch: str, finished: Finished) -> NeedsHuman | TryAgain:
    why = _lost(finished) or ""
    if "remote rejected" in why and not any(word in why for word in _MOVED_MEANWHILE):
        return NeedsHuman(f"the remote refuses to move {branch}: {why}", reason="push_refused")
    return TryAgain(f"{branch} was not moved: {why}")


def _standing(bare: Bare, branch: str) -> str:
    head = bare.remote_head(branch)
    if head is None:
        raise NeedsHuman(f"the branch {branch} is gone from the remote", reason="branch_gone")
    return head


def _descends(bare: Bare, *, ancestor: str, descendant: str) -> bool:
    if not bare.has(ancestor):
        with bare.locked():
            bare.fetch()
            if not bare.fetch_commit(ancestor):
                return False
    return bare.git("merge-base", "--is-ancestor", ancestor, descendant, accept=(0, 1)).returncode == 0


def _track(bare: Bare, branch: str, sha: str | None) -> None:
    """The remote is moved already: that we could not note it must not look like a failed push."""
    with contextlib.suppress(TryAgain):
        bare.track(branch, sha)
