"""`python -m oneshot_dagster.orchestration.code_server …`: Dagster's own command line, for the code server of the local stack.
Its run workers are forked from a process that has loaded the code and opened nothing; Dagster's own each load it anew."""

import gc
import sys
from typing import Any

from dagster._cli import main as dagster
from dagster._grpc import server

LOADED = (
    "httpcore",  # which httpx loads with the first request
    "dagster._grpc.impl",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "oneshot_dagster.orchestration.storage",
    "oneshot_dagster.definitions",
    "oneshot_dagster.orchestration.run_worker",
)
# Python's fork server before it listens where every account of the machine, and a sandbox with a network, reaches it.
_BY_PATH = (3, 11, 1)


class CodeServer(server.DagsterApiServer):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if sys.version_info < _BY_PATH:
            return
        forking = self._mp_ctx.get_context("forkserver")
        forking.set_forkserver_preload([*LOADED])
        self._mp_ctx = forking


def main() -> None:
    gc.set_threshold(100_000, 20, 20)  # what is imported stays; looking through it each time is a fifth of the start
    server.DagsterApiServer = CodeServer  # which the command line looks up there
    sys.argv[0] = "dagster"
    dagster()


if __name__ == "__main__":
    main()
