"""What a failed git call means: another try may help, or a person must look. Decided from the exit and git's own words."""

import re
from collections.abc import Sequence

from oneshot_dagster.domain.errors import NeedsHuman, OneshotError, TryAgain
from oneshot_dagster.system.process import Finished

_NO_ACCESS = re.compile(
    r"authentication failed|could not read (?:username|password)|returned error: 40[13]|permission to .* denied"
    r"|write access to repository not granted|repository '?.*'? not found|returned error: 404"
    r"|does not appear to be a git repository|terminal prompts disabled|invalid credentials",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"not our ref|unadvertised object|bad (?:object|revision)|unknown revision|not a valid (?:object|commit) name",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"\[remote rejected\]|transport '.*' not allowed")


def failure(arguments: Sequence[str], finished: Finished) -> OneshotError:
    """The exception for a call that did not end as expected, to be raised by the caller."""
    what = f"git {arguments[0]}" if arguments else "git"
    if finished.timed_out:
        return TryAgain(f"{what} was not done after {finished.seconds:.0f} s")
    if finished.truncated:
        return NeedsHuman(f"{what} printed more than we read", reason="output_too_large")
    said = _said(finished.stderr)
    if _NO_ACCESS.search(said):
        return NeedsHuman(f"{what} was refused by the remote: {said}", reason="no_access")
    if _MISSING.search(said):
        return NeedsHuman(f"{what} found no such commit: {said}", reason="commit_missing")
    if _REFUSED.search(said):
        return NeedsHuman(f"{what} was refused: {said}", reason="push_refused")
    return TryAgain(f"{what} ended with {finished.returncode}: {said or 'it said nothing'}")


def _said(stderr: bytes) -> str:
    """The telling last lines, as one."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("hint:", "warning:"))] or lines
    return "; ".join(telling[-4:])[:800]
