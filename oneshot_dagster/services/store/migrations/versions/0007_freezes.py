"""Freezes of merges, and lanes that are stopped."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((_SQL / f"{revision}_freezes.sql").read_text(encoding="utf-8"))
