"""People who use the page, their sessions and tokens, files they asked for, requests of customers, proposals of audiences."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

AT = sa.DateTime(timezone=True)
ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "users",
        sa.Column("user_id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(200), nullable=True),
        sa.Column("roles", sa.String(200), nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", AT, nullable=True),
        sa.Column("created_at", AT, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("user_id", ROW_ID, sa.ForeignKey("users.user_id"), nullable=False, index=True),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("began_at", AT, nullable=False),
        sa.Column("seen_at", AT, nullable=False),
        sa.Column("revealed", sa.Text, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("expires_at", AT, nullable=False),
        sa.Column("ended_at", AT, nullable=True),
    )
    op.create_table(
        "downloads",
        sa.Column("download_id", sa.String(32), primary_key=True),
        sa.Column("audience", sa.String(200), nullable=False),
        sa.Column("format", sa.String(60), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_at", AT, nullable=False),
        sa.Column("rows", ROW_ID, nullable=False),
        sa.Column("approved_by", sa.String(200), nullable=True),
        sa.Column("file", sa.String(300), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("built_at", AT, nullable=True),
        sa.Column("expires_at", AT, nullable=True),
    )
    op.create_table(
        "requests",
        sa.Column("request_id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("customer_id", sa.String(60), nullable=False, index=True),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("regime", sa.String(30), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("received_at", AT, nullable=False),
        sa.Column("due_at", AT, nullable=False),
        sa.Column("closed_at", AT, nullable=True),
        sa.Column("closed_by", sa.String(200), nullable=True),
        sa.Column("outcome", sa.Text, nullable=True),
    )
    op.create_table(
        "proposals",
        sa.Column("proposal_id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("declaration", sa.Text, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("proposed_at", AT, nullable=False),
        sa.Column("decision", sa.String(20), nullable=True),
        sa.Column("decided_by", sa.String(200), nullable=True),
        sa.Column("decided_at", AT, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
    )


def downgrade() -> None:
    """Take them away."""
    for table in ("proposals", "requests", "downloads", "tokens", "sessions", "users"):
        op.drop_table(table)
