"""Set-up for an agent: the policy's `[agent] setup` in its worktree before it starts, so that it can run the tests it is held to.
What that leaves there is none of the change."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from oneshot_dagster.domain.artifact import Shown
from oneshot_dagster.domain.policy_sections import Purpose
from oneshot_dagster.domain.test_results import SuiteResult, to_json
from oneshot_dagster.steps.local_test_report import first_unready, run_setup
from oneshot_dagster.steps.rooms import told
from oneshot_dagster.steps.turn import Turn

_LOG = "setup-log"
_NAMED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class SetUp:
    """`home` is the HOME that it left; None where the policy names no set-up. `isolation` is what kept it apart."""

    home: Path | None = None
    results: tuple[SuiteResult, ...] = ()
    isolation: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def shown(self) -> dict[str, Shown]:
        """As the patch's record has it."""
        if self.home is None:
            return {"setup": "none"}
        failed = first_unready(self.results)
        seconds = round(sum(result.seconds for result in self.results), 3)
        of = {f"setup_{name}": said for name, said in self.isolation.items()}
        return {"setup": f"failed: {failed.reason}" if failed else "done", "setup_seconds": seconds, **of}


@contextmanager
def set_up(turn: Turn, worktree: Path, sha: str, *, held: int) -> Generator[SetUp]:
    """Its HOME lives as long as the block. A command that fails stops set-up and not the agent: the tests will say so too."""
    if not turn.policy.agent.setup:
        yield SetUp()
        return
    scratch = turn.services.limits.scratch
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="setup-", ignore_cleanup_errors=True) as place:
        home = Path(place) / "home"
        home.mkdir()
        results = run_setup(turn, worktree, sha, home=home, held=held)
        left = turn.services.git.set_aside(turn.attempt.key)
        found = SetUp(home=home, results=results, isolation=told(turn, Purpose.SETUP))
        _leave(turn, found, sha, left)
        yield found


def _leave(turn: Turn, found: SetUp, sha: str, left: tuple[str, ...]) -> None:
    log = "".join(f"$ {r.command}\n{r.log_tail}\n[{r.suite}: {r.reason or r.exit_code}]\n\n" for r in found.results)
    turn.file(_LOG, log.encode(errors="replace"), "text/plain")
    commands = [to_json(result) for result in found.results]
    said = {"commands": commands, "left_out": left[:_NAMED], "left_out_in_all": len(left), **found.isolation}
    turn.fact("engine", "agent_setup", said, sha=sha)
