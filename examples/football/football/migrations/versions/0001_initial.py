"""Teams, matches, predictions, API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "matches",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("season", sa.Text, nullable=False),
        sa.Column("kickoff_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("home_team_id", sa.Integer, sa.ForeignKey("teams.id"), nullable=False),
        sa.Column("away_team_id", sa.Integer, sa.ForeignKey("teams.id"), nullable=False),
        sa.Column("home_goals", sa.Integer),
        sa.Column("away_goals", sa.Integer),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("season", "home_team_id", "away_team_id"),
        sa.CheckConstraint("home_team_id <> away_team_id"),
        sa.CheckConstraint("(home_goals IS NULL) = (away_goals IS NULL)"),
    )
    op.create_table(
        "predictions",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("match_id", sa.Integer, sa.ForeignKey("matches.id"), nullable=False),
        sa.Column("home_win_prob", sa.Float, nullable=False),
        sa.Column("draw_prob", sa.Float, nullable=False),
        sa.Column("away_win_prob", sa.Float, nullable=False),
        sa.Column("predicted_outcome", sa.Text, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("predicted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actual_result", sa.Text),
        sa.Column("is_correct", sa.Boolean),
        sa.Column("verified_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("abs(home_win_prob + draw_prob + away_win_prob - 1) < 1e-9"),
    )
    op.create_index("predictions_match", "predictions", ["match_id", "predicted_at"])
    op.create_index("predictions_predicted_at", "predictions", ["predicted_at"])
    op.create_table(
        "api_keys",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("key_sha256", sa.Text, nullable=False, unique=True),
        sa.Column("scopes", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "data_syncs",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
    )
