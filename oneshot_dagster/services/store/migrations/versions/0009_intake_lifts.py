"""When a person resumed a repository's intake."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((_SQL / f"{revision}_intake_lifts.sql").read_text(encoding="utf-8"))
