"""Nothing is deployed: for repositories whose policy says `[deploy] kind = "none"`."""

from collections.abc import Callable
from dataclasses import dataclass

from oneshot_dagster.services.deploy.protocol import Observed, Target


@dataclass(frozen=True)
class NoDeploy:
    @property
    def kind(self) -> str:
        return "none"

    def start(
        self, target: Target, *, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        del sha, lane_is_ours, say
        return self.observe(target)

    def observe(self, target: Target) -> Observed:
        return Observed(revision=None, ready=False, url=target.url, detail="the policy deploys nothing")

    def problem(self, target: Target) -> str | None:
        del target

    def ready(self, target: Target, seen: Observed, *, sha: str) -> bool:
        del target, seen, sha
        return False

    def failed(self, target: Target, seen: Observed, *, sha: str) -> bool:
        del target, seen, sha
        return False

    def no_undo(self, target: Target, *, sha: str) -> str | None:
        del target, sha
        return "the policy deploys nothing"

    def undo(
        self, target: Target, *, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        del sha, lane_is_ours, say
        return self.observe(target)
