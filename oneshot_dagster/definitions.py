"""What workspace.yaml loads. Services are opened by the process that works, not at import."""

import dagster as dg

# Slow to import, so it comes with the code and not in the first step of a run.
import oneshot_dagster.services.github.connection  # noqa: F401  # pyright: ignore[reportUnusedImport]
from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.orchestration.build import build

defs: dg.Definitions = build(open_services)
