"""Notes on predictions. Expand only: release 1.0.0 neither reads nor writes what is added here."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("predictions", sa.Column("note", sa.Text, nullable=True))
    op.create_table(
        "note_changes",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("prediction_id", sa.Integer, sa.ForeignKey("predictions.id"), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index("note_changes_prediction", "note_changes", ["prediction_id"])
