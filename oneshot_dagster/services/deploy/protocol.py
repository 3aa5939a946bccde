"""What we ask of a deployment: start one revision, observe what serves, say whether that is ready, bring an earlier one back.
Healthy at another revision is not deployed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Contains = Callable[[str, str], bool]


def same_revision(revision: str, sha: str) -> bool:
    return revision == sha


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where and how, from the policy: `start` shell lines with {sha}, and the URL of the service.

    `folder` is an exported tree of the SHA to deploy; the lines run in it. `contains(revision, sha)`: that revision is this
    commit or has it in its history. `application`, `sync`, `annotation` and `trailer` are Argo CD's; `timeout` in seconds.
    """

    repository: str
    environment: str
    start: tuple[str, ...]
    url: str
    timeout: float
    folder: Path
    application: str = ""
    sync: bool = False
    annotation: str | None = None
    trailer: str | None = None
    contains: Contains = field(default=same_revision)


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What serves now. `revision` is a commit of the target's repository, None where nothing answers or it does not say.

    `broken` is a revision that was started and will not come by waiting. `asked` False: the start itself was put off by
    the other side and has to be asked for again. `known` False: who knows could not be asked, or does not know, which says nothing
    of what serves. `settling`: not ready, and by what is about to end; what serves meanwhile may be more than `revision`.
    """

    revision: str | None
    ready: bool
    url: str
    detail: str
    broken: str | None = None
    asked: bool = True
    known: bool = True
    settling: bool = False


class Deploy(Protocol):
    @property
    def kind(self) -> str: ...

    def start(
        self, target: Target, *, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        """Idempotent by revision. `lane_is_ours` is asked as the last act before the effect. It may still be coming after it.

        Raises LeaseLost where it is not ours, TryAgain where it could not be asked for; a failed start is Observed.
        """
        ...

    def observe(self, target: Target) -> Observed:
        """One look. Never raises for what does not answer."""
        ...

    def problem(self, target: Target) -> str | None:
        """What would keep it from deploying there, asked of the other side; None where nothing does. Raises TryAgain."""
        ...

    def ready(self, target: Target, seen: Observed, *, sha: str) -> bool:
        """Whether what was seen is `sha` deployed and ready; what serves may be past it."""
        ...

    def failed(self, target: Target, seen: Observed, *, sha: str) -> bool:
        """Whether `sha` will not come by waiting. Neither ready nor failed: it may still come."""
        ...

    def no_undo(self, target: Target, *, sha: str) -> str | None:
        """Why that earlier revision cannot be brought back without a commit, in one sentence; None where it can, or where
        that cannot be asked now, so that it is tried."""
        ...

    def undo(
        self, target: Target, *, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        """Brings back exactly `sha`, an earlier revision (`target.folder` is its tree). As `start`; done where it serves."""
        ...
