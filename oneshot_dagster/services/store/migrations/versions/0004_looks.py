"""Waiting attempts rest until something new is heard of them."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((_SQL / f"{revision}_looks.sql").read_text(encoding="utf-8"))
