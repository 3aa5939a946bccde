"""What events and readings said of GitHub's things, from which the tables of jangar_github are projected."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((_SQL / f"{revision}_sightings.sql").read_text(encoding="utf-8"))
