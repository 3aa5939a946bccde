"""The schema as it begins: codex_judge, jangar_github, workflow_comms, memories."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    for part in ("runs", "evidence", "github", "notes"):
        op.execute((_SQL / f"{revision}_{part}.sql").read_text(encoding="utf-8"))
