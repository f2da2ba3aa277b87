"""Tables of release 1.0.0. What a later release adds lives with the feature that reads it."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    Table,
    Text,
    case,
    cast,
    func,
)

metadata = MetaData()

teams = Table(
    "teams",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

matches = Table(
    "matches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("season", Text, nullable=False),
    Column("kickoff_at", DateTime(timezone=True), nullable=False),
    Column("home_team_id", ForeignKey("teams.id"), nullable=False),
    Column("away_team_id", ForeignKey("teams.id"), nullable=False),
    Column("home_goals", Integer),  # null until the match is finished
    Column("away_goals", Integer),
    Column("source", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

predictions = Table(
    "predictions",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("match_id", ForeignKey("matches.id"), nullable=False),
    Column("home_win_prob", Float, nullable=False),
    Column("draw_prob", Float, nullable=False),
    Column("away_win_prob", Float, nullable=False),
    Column("predicted_outcome", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("predicted_at", DateTime(timezone=True), nullable=False),
    Column("actual_result", Text),  # null until verified
    Column("is_correct", Boolean),
    Column("verified_at", DateTime(timezone=True)),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key_sha256", Text, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True)),  # null for never
    Column("revoked_at", DateTime(timezone=True)),
)

data_syncs = Table(
    "data_syncs",
    metadata,
    Column("source", Text, primary_key=True),
    Column("finished_at", DateTime(timezone=True), nullable=False),
)

# Why a key opens no more, by the clock of the database, which every worker asks; empty for one that does.
key_closed = case(
    (api_keys.c.revoked_at.is_not(None), "revoked"), (api_keys.c.expires_at <= func.now(), "expired"), else_=""
)
# Share of the verified predictions that were right; null while none is verified.
accuracy = func.avg(cast(cast(predictions.c.is_correct, Integer), Float))
