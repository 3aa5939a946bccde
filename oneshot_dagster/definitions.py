"""What workspace.yaml loads. Services are opened by the process that works, not at import."""

import dagster as dg

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.orchestration.build import build

defs: dg.Definitions = build(open_services)
