"""Labels and comments that were decided upon, refusals, and requests that know their comment."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((_SQL / f"{revision}_triggers.sql").read_text(encoding="utf-8"))
