"""What we ask of a launcher: start the Dagster run of one launch row, and say how a Dagster run stands.
Deciding what to launch is domain.resume."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oneshot_dagster.domain.attempt import Attempt, Launch


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """`status` in Dagster's words, lower case (queued, starting, started, success, failure, canceled, …).

    `started_at` None: it has not started, or Dagster does not say.
    """

    run_id: str
    status: str
    started_at: datetime | None = None

    @property
    def over(self) -> bool:
        return self.status in {"success", "failure", "canceled"}


class Launcher(Protocol):
    def start(self, attempt: Attempt, launch: Launch, *, root_run_id: str | None, parent_run_id: str | None) -> None:
        """Starts it under `launch.dagster_run_id`; a run of that id that exists already is a success."""
        ...

    def view(self, run_ids: tuple[str, ...]) -> dict[str, RunView]:
        """Runs that Dagster does not know are absent. One query."""
        ...

    def fail(self, run_id: str, reason: str) -> None:
        """Reports a run as failed whose process is gone."""
        ...

    def terminate(self, run_id: str) -> None: ...
