"""The environment in which a revision was verified."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((_SQL / f"{revision}_verified_in.sql").read_text(encoding="utf-8"))
