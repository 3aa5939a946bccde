"""A write action may end withheld: in mode observe it is recorded and not done."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((_SQL / f"{revision}_withheld.sql").read_text(encoding="utf-8"))
