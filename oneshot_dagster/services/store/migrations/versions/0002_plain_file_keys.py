"""jangar_github.pr_files refers to its snapshot by plain text."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((_SQL / f"{revision}_files.sql").read_text(encoding="utf-8"))
