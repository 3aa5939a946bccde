"""The Dagster of this home seen from outside its runs: for `oneshot run`, the demo and the local stack.
It starts runs through the launcher and executes none."""

import os
from pathlib import Path

import dagster as dg

from oneshot_dagster.orchestration.jobs import NAME
from oneshot_dagster.orchestration.launcher import InstanceLauncher
from oneshot_dagster.settings import Settings

_CHECKOUT = Path(__file__).resolve().parent.parent.parent


class Engine:
    """Needs the database. Close it, for its connections."""

    def __init__(self, definitions: dg.Definitions, settings: Settings) -> None:
        # `dagster.yaml` and the storage it names know no other way.
        os.environ.setdefault("ONESHOT_HOME", str(settings.home))
        os.environ.setdefault("DAGSTER_HOME", str(_CHECKOUT))
        self._instance = dg.DagsterInstance.get()
        self.launcher = InstanceLauncher(
            self._instance, definitions.resolve_job_def(NAME), port=settings.ports.code_server
        )

    def daemons_beat(self, *, since: float) -> bool:
        """Whether each daemon that must run has told of itself after that time (seconds since the epoch)."""
        beats = self._instance.get_daemon_heartbeats()
        return all(
            kind in beats and beats[kind].timestamp >= since for kind in self._instance.get_required_daemon_types()
        )

    def close(self) -> None:
        self._instance.dispose()
