"""A request to take a merged change back."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((_SQL / f"{revision}_rollback.sql").read_text(encoding="utf-8"))
